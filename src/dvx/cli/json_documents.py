"""What the JSON documents of dvx have in them, field by field: the one description of them.

Owns `DOCUMENTS`, from which docs/reference/json.md is made, in the notation of dvx.cli.json_notation. A test runs the
commands and compares what they print with it, so that no field is undescribed and none is missing. Read by no command.
"""

from collections.abc import Mapping
from typing import Final

from dvx.cli.json_documents_setup import SETUP_DOCUMENTS
from dvx.cli.json_notation import Document

_DATA_DOCUMENTS: Final[Mapping[str, Document]] = {
    "dvx.error/1": Document(
        "every command with `--json`, where it fails before it has printed another document",
        """
kind text a stable name, listed in errors.md
what text what went wrong
affected text? what is concerned, and what was left untouched
causes text[] what was behind it
hints text[] next steps, with the exact commands
exit_code integer the exit code of the process
""",
    ),
    "dvx.dry-run/1": Document(
        "every command with `--dry-run`, where something would be done",
        "steps text[] what would be done, in words",
    ),
    "dvx.init/1": Document(
        "dvx init",
        """
root text the top of the repository
was_initialised boolean whether it had been set up before
remote text? the remote that was added
git_files text[] files that are new or changed
""",
    ),
    "dvx.add/1": Document(
        "dvx add",
        """
paths object[] each path that was added
  @pointer
  changed boolean whether the pointer is new or another
  absent_files integer files that are tracked and not checked out, and were kept
  @metadata
files integer files that were looked at
size integer bytes of them
read_bytes integer bytes that had to be read
new_bytes integer bytes that were not stored before
stored_bytes integer the same, compressed
again_bytes integer bytes that were stored once more to keep the data quick to read
git_files text[] files changed for Git
warnings text[] what to look at
@failures
seconds number how long it took
push object? what `--push` sent, as dvx.push/1 without `failures`
  remote text the address, without a password
  roots integer versions of data sent
  present integer versions that were there
  size integer bytes that the sent versions stand for
  sent_bytes integer bytes that went over the line
  packs integer packs that they went in
  seconds number how long it took, with the add
push_error object? why `--push` failed, as dvx.error/1
  kind text a stable name
  what text what went wrong
  affected text? what is concerned
  causes text[] what was behind it
  hints text[] next steps
  exit_code integer the exit code of the process
""",
    ),
    "dvx.status/1": Document(
        "dvx status",
        """
clean boolean whether nothing differs
paths object[] each tracked path that was asked for
  @pointer
  state text `clean`, `changed`, `outdated`, `not checked out` or `unknown`
  git text the pointer against HEAD: `unchanged`, `new`, `modified` or `unmerged`
  remote text? with `--remote`: `complete`, `incomplete` or `absent`
  problem text? why the state is unknown
  refused object[] entries that cannot be tracked or looked at
    path text which
    kind text the kind of error
    message text what is wrong
  files_here integer? how many files are checked out; null where that was not counted
  part text[] the patterns of the part that was checked out; empty for everything
  stale_metadata object[] what files of values say and the pointer does not
    name text? the value, null where the file cannot be read
    file text the file
    recorded value? what the pointer has
    current value? what the file has
    problem text? why the file cannot be read
  differences object[] each file that differs
    path text which
    state text `modified`, `deleted`, `missing` or `untracked`
    old_size integer? bytes by the pointer
    new_size integer? bytes in the workspace
broken object[] pointers that cannot be read
  pointer text which
  kind text the kind of error
  message text what is wrong
removed text[] pointers that HEAD has and the work tree does not
left_out text[] pointers outside of the sparse checkout
remote text? the address that was asked
""",
    ),
    "dvx.diff/1": Document(
        "dvx diff",
        """
old text the version before
new text? the version after, null for the workspace
counts object how many changes of each kind
  added integer files
  modified integer files
  removed integer files
  renamed integer files
size_change integer bytes more or less
changes object[] each change
  change text `added`, `modified`, `removed` or `renamed`
  path text which file
  old_path text? the name before
  old_size integer? bytes before
  new_size integer? bytes after
@failures
""",
    ),
    "dvx.log/1": Document(
        "dvx log",
        """
unreadable integer versions of pointers that this dvx cannot read
rows object[] one for each pointer that a commit changed
  commit text the id of the commit
  parents text[] the ids of its parents
  boundary boolean whether a shallow clone ends here
  date text when, as `2026-01-31T12:00:00Z`
  author text who
  subject text the first line of the message
  tags text[] tags at the commit
  branches text[] branches at the commit
  path text the data
  change text `added`, `modified` or `removed`
  kind text? `file` or `directory`, null where there is no pointer
  id text? the content id
  size integer? bytes
  files integer? how many files
  new_bytes integer? bytes that the version before did not have, null where not known here
  params table parameters
  metrics table metrics
  meta table labels
""",
    ),
    "dvx.compare/1": Document("dvx compare", "@comparison"),
    "dvx.params-diff/1": Document("dvx params diff", "@comparison"),
    "dvx.metrics-diff/1": Document("dvx metrics diff", "@comparison"),
    "dvx.params-show/1": Document("dvx params show", "@values"),
    "dvx.metrics-show/1": Document("dvx metrics show", "@values"),
    "dvx.ls/1": Document(
        "dvx ls",
        """
rev text? the version, null for the work tree
entries object[] each path
  path text where it is
  kind text `file`, `executable`, `symlink` or `directory`
  size integer bytes
  files integer how many files
  id text? the content id, null for a folder above tracked data
@failures
""",
    ),
    "dvx.plot/1": Document(
        "dvx plot",
        """
charts object[] one for each metric
  metric text its name
  x text what the steps are called
  curves object[] one for each version or path
    label text what it is of
    points object[] all points, sorted by `x`
      x number the step
      y number the value
      note? text the commit
    not_finite integer values that are no finite number and were left out
""",
    ),
    "dvx.lineage/1": Document(
        "dvx lineage",
        """
path text the data that was asked for
id text its content id
rev text? the version, null for the work tree
versions object[] that data first, then what it was made from and what was made from it
  path text where the data is
  id text its content id
  known boolean whether this repository has a pointer of it
  kind text? `file` or `directory`
  size integer? bytes
  commit text? the commit that has it
  time integer? when, in seconds since 1970
  subject text? the first line of the message
  command text? the line that made it
  code_commit text? the commit of the code
edges object[] which was made from which, as places in `versions`
  input integer what was used
  output integer what was made
""",
    ),
    "dvx.push/1": Document(
        "dvx push",
        """
remote text the address, without a password
roots integer versions of data sent
present integer versions that were there
size integer bytes that the sent versions stand for
sent_bytes integer bytes that went over the line
packs integer packs that they went in
@failures
seconds number how long it took
""",
    ),
    "dvx.fetch/1": Document("dvx fetch", "@fetched\n@failures\nseconds number how long it took"),
    "dvx.checkout/1": Document(
        "dvx checkout",
        "@checkout\ngit_files text[] files changed for Git, with `--rev`\n@failures\nseconds number how long it took",
    ),
    "dvx.pull/1": Document(
        "dvx pull",
        """
direct boolean whether nothing was kept in the local store
fetched object? what arrived, null where it was direct
  @fetched
checkout object what was written
  @checkout
@failures
seconds number how long it took
""",
    ),
    "dvx.get/1": Document(
        "dvx get",
        """
repository text the address, without a password
commit text the commit there
path text what was asked for
out text where it was written
paths integer how many tracked paths it is of
written integer files written
present integer files that were there
written_bytes integer bytes of the files written
seconds number how long it took
""",
    ),
    "dvx.import/1": Document("dvx import", "@imported\nseconds number how long it took"),
    "dvx.update/1": Document(
        "dvx update", "paths object[] each import\n  @imported\nseconds number how long it took"
    ),
    "dvx.clone/1": Document(
        "dvx clone",
        """
folder text the clone
fetched object? what arrived, null where nothing is tracked
  @fetched
checkout object? what was written, null where nothing is tracked
  @checkout
seconds number how long it took
""",
    ),
    "dvx.verify/1": Document(
        "dvx verify",
        """
result text `verified`, `partly-verified`, `workspace-differs`, `data-missing` or `damaged`
commit text? the commit
dirty boolean whether pointers are not committed
workspace object[]? each tracked path here, null where it was not looked at
  @pointer
  verified boolean whether every file is right
  right_files integer files that are right
  right_bytes integer bytes of them
  deviations object[] each file that is not
    path text which
    deviation text `missing`, `extra`, `modified`, `wrong mode` or `wrong kind`
  absent_files integer files that are not checked out, and were not looked at
  problem text? why it cannot be told
remote object? the remote, null where it was not asked
  name text its name
  url text its address, without a password
  packs integer packs that were looked for
  stored_bytes integer bytes of them
  paths object[] each tracked path there
    @pointer
    state text `complete`, `incomplete` or `absent`
    packs integer packs that it needs
    missing text[] objects that are not there
    damaged text[] objects that are not right
    sampled_chunks integer chunks that were read
    problem text? why it cannot be told
@failures
seconds number how long it took
""",
    ),
}

DOCUMENTS: Final[Mapping[str, Document]] = {**_DATA_DOCUMENTS, **SETUP_DOCUMENTS}
