"""Making the packs of a store known to the index: how one that was lost is rebuilt.

Owns which packs are passed over. Must not read data.
"""

from dvx.core.errors import DvxError
from dvx.core.parallel import map_parallel
from dvx.formats.layout import PACKS_PREFIX, parse_pack_key
from dvx.store.store import Store


def learn_packs(store: Store, *, jobs: int) -> int:
    """Make every pack of a store known to the index; returns the count. What a kill cuts off is done again."""
    names = [
        name for item in store.backend.list(PACKS_PREFIX) if (name := parse_pack_key(item.key)) is not None
    ]
    if not names:
        return 0
    store.index.mark_learning(store.id, is_done=False)
    learnt = sum(map_parallel(lambda name: _learn_pack(store, name), names, jobs=jobs))
    store.index.mark_learning(store.id, is_done=True)
    return learnt


def _learn_pack(store: Store, name: bytes) -> bool:
    try:
        store.pack_index(name)
    except DvxError:
        # A damaged pack offers nothing to deduplicate against; reading data from it reports the damage.
        return False
    store.index.add_hold(store.id, [name])
    return True
