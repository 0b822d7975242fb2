"""Groups of fields that several JSON documents share, in the notation of dvx.cli.json_notation.

Owns `GROUPS`. Read where the documents are made and tested, by no command.
"""

from collections.abc import Mapping
from typing import Final

GROUPS: Final[Mapping[str, str]] = {
    "pointer": """
path text where the data is, from the top of the repository
pointer text the pointer of it
kind text `file` or `directory`
id text the content id, `blake3:` and 64 digits
size integer bytes of the data
files integer how many files it has
""",
    "metadata": """
params table parameters, names with dots
metrics table metrics, names with dots
meta table labels, names with dots
source object what the data was made from
  inputs table content id of each input, by path
  command text? the line that made it
  commit text? the commit of the code
""",
    "failures": """
failures object[] what could not be done while the rest was; the exit code is then 3
  path text which path
  kind text the kind of error, as in errors.md
  message text what is wrong
""",
    "fetched": """
roots integer how many versions of data arrived
present integer how many were in the local store already
received_bytes integer bytes that came over the line
packs integer packs that they came in
""",
    "checkout": """
paths integer how many tracked paths were brought up to date
written integer files written
removed integer files removed
written_bytes integer bytes of the files written
kept text[] files that were kept although the pointer does not have them
refused object[] files that could not be written
  kind text the kind of error
  message text what is wrong
""",
    "imported": """
@pointer
repository text where it is from
revision text? the branch or tag that it follows
commit text the commit there
source_path text the path there
old_commit text? the commit before
changed boolean whether the data changed
added integer? files added; null where the versions cannot be compared
modified integer? files modified
removed integer? files removed
""",
    "hooks": """
working boolean whether all that is wanted is installed
mode text? `config` or `files`, null where nothing is installed
folder text the folder of the hooks
git text the version of Git
interpreter text? the Python that the hooks start
interpreter_exists boolean whether it is there
hooks object[] each hook
  name text the name that Git has for it
  state text `installed`, `missing`, `edited`, `replaced`, `called` or `disabled`
  path text? the file
  by text? who put another hook there
  chained text? the hook that was there before and is run first
  chained_by text? who made that
drivers boolean whether the merge and diff drivers are set up
problems text[] what is wrong
""",
    "hooks_change": """
changed boolean whether anything was changed
notes text[] what to know
status object as dvx.hooks-status/1
  @hooks
""",
    "setting": """
key text the name of the setting
value value? its value; null where it is not set
origin text the file, the variable or `default`
""",
    "remote_change": """
name text the remote
url text? its address, without a password; null for one that is gone
""",
    "comparison": """
revisions value[] the versions as they were named; null is the work tree
rows object[] one for each value
  path text the data or the file that has it
  kind text `params`, `metrics`, or `data` for size, files and id
  name text its name
  values value[] one for each version, null where that has none
  changes object[] from the first version to each other one
    absolute value? the difference
    relative value? the difference by the first value
    better boolean? null where no direction is known
problems object[] files that could not be read
  revision text the version
  message text why
""",
    "values": """
rev text? the version, null for the work tree
values object[] one for each value
  path text the data or the file that has it
  name text its name
  value value? the value
problems object[] files that could not be read
  revision text the version
  message text why
""",
    "entry": """
kind text `file`, `executable`, `symlink` or `directory`
size integer bytes
id text the content id
""",
}
