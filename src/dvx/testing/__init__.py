"""testing: shipped test kit: contract suites, fault injection, builders."""
