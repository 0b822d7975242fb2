"""What the JSON documents have in them of commands that set something up, check it, or change pointers alone.

Owns `SETUP_DOCUMENTS`; see dvx.cli.json_documents.
"""

from collections.abc import Mapping
from typing import Final

from dvx.cli.json_notation import Document

SETUP_DOCUMENTS: Final[Mapping[str, Document]] = {
    "dvx.meta-show/1": Document("dvx meta show", "paths object[] each tracked path\n  @pointer\n  @metadata"),
    "dvx.meta-set/1": Document(
        "dvx meta set", "@pointer\n@metadata\nchanged boolean whether the pointer is another"
    ),
    "dvx.meta-unset/1": Document(
        "dvx meta unset", "@pointer\n@metadata\nchanged boolean whether the pointer is another"
    ),
    "dvx.check/1": Document(
        "dvx check",
        """
passed boolean whether no rule fails
where text the version, in words
commit text? the commit that was checked
base text? the commit that it was compared with
rules integer rules that there are
failures integer rules that fail
warnings integer rules that warn
results object[] each rule, for each path that it is about
  rule text its name
  path text the data or the files
  severity text `error` or `warning`
  expression text? what has to hold
  message text? what the author of the rule says
  result text `passed`, `warning` or `failed`
  problems text[] what does not hold
  values object[] values that it used
    name text as the rule spells it
    value value? the value
    file text where it is from
    where text the version, in words
    base boolean whether it is one of the base
""",
    ),
    "dvx.key/1": Document(
        "dvx key",
        """
key text the name for a cache
restore_prefix text what names of older caches start with
roots integer versions of data
size integer bytes of them
store text the folder to keep
""",
    ),
    "dvx.rm/1": Document(
        "dvx rm",
        """
paths text[] what is tracked no more
removed_files integer files removed from the workspace
kept boolean whether the files were kept
@failures
""",
    ),
    "dvx.mv/1": Document("dvx mv", "old_path text where the data was\npath text where it is"),
    "dvx.hooks-install/1": Document(
        "dvx hooks install",
        "@hooks_change",
    ),
    "dvx.hooks-uninstall/1": Document(
        "dvx hooks uninstall",
        "@hooks_change",
    ),
    "dvx.hooks-status/1": Document("dvx hooks status", "@hooks"),
    "dvx.hooks-check/1": Document(
        "dvx hooks check",
        """
clean boolean whether nothing stops a commit
pointers integer pointers that were looked at
problems object[] what was found
  kind text `invalid`, `conflict-markers`, `not-canonical`, `symlink`, `mode`, `too-large` and others
  level text `error` or `warning`
  path text which
  what text what is wrong
  command text? what mends it
fixed text[] pointers that were put right
""",
    ),
    "dvx.hooks-large-files/1": Document(
        "dvx hooks large-files",
        """
max_kb integer the limit, in KiB
files object[] each file above it
  path text which
  kb integer its size in KiB, rounded up
  staged boolean whether it is staged
commands text[] what tracks them with dvx
""",
    ),
    "dvx.remote-add/1": Document("dvx remote add", "@remote_change"),
    "dvx.remote-list/1": Document(
        "dvx remote list",
        """
remotes object[] each remote
  name text its name
  url text its address, without a password
  options table its other settings
  origin text the file that has it
  default boolean whether it is the default
""",
    ),
    "dvx.remote-remove/1": Document("dvx remote remove", "@remote_change"),
    "dvx.remote-default/1": Document("dvx remote default", "@remote_change"),
    "dvx.remote-check/1": Document(
        "dvx remote check",
        """
name text the remote
url text its address, without a password
usable boolean whether everything that dvx needs works
findings object[] each thing that was tried
  name text what
  ok boolean whether it works
  required boolean whether dvx needs it
  detail text what was seen
""",
    ),
    "dvx.config-get/1": Document("dvx config get", "@setting"),
    "dvx.config-set/1": Document("dvx config set", "@setting"),
    "dvx.config-unset/1": Document("dvx config unset", "@setting"),
    "dvx.config-list/1": Document("dvx config list", "settings object[] each setting\n  @setting"),
    "dvx.resolve/1": Document(
        "dvx resolve",
        """
resolved text[] tracked paths whose conflicts ended
removed text[] paths that are tracked no more
unresolved object[] what has conflicts still
  path text the data
  pointer text the pointer of it
  conflicts object[] each conflict
    path text? which file, null for a key of the pointer
    key text? which key, null for a file
    reason text why
    base object? the version before both
      @entry
    ours object? the version of this branch
      @entry
    theirs object? the version of the other branch
      @entry
  error object? why nothing can be told
    kind text the kind of error
    message text what is wrong
kept object[] merged and staged, but not checked out
  path text the data
  kind text the kind of error
  message text what is wrong
staged_with_markers text[] pointers that were staged with the markers of a conflict
dropped object[] what no longer describes the merged data
  path text the data
  tables text[] tables of the pointer that were dropped
""",
    ),
}
