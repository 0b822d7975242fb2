"""store.learning: an index that was lost learns what is in the packs."""

from dvx.formats.layout import pack_key
from dvx.store.learning import learn_packs
from dvx.testing.faults import flip_bit
from dvx.testing.stores import add_file, make_store, open_index


def test_learn_packs_knows_every_intact_pack(tmp_path, index):
    local = make_store(tmp_path, index)
    good = add_file(local, tmp_path, b"good" * 50)
    bad = add_file(local, tmp_path, b"bad" * 50)
    key = pack_key(bad.packs[0].name)
    content = local.backend.get(key, max_bytes=10**9)
    local.backend.delete(key)
    local.backend.put(key, flip_bit(content, 0))
    with open_index(tmp_path / "other") as other:
        fresh = make_store(tmp_path, other, backend=local.backend)
        assert learn_packs(fresh, jobs=2) == 1
        assert set(other.find_chunks(fresh.id, [good.root, bad.root])) == {good.root}
