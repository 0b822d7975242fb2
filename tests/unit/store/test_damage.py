"""store.damage: which side is to blame."""

from dvx.store.damage import damaged_pack


def test_damage_names_pack_and_side(local, remote):
    here, there = damaged_pack(local, b"\1" * 16), damaged_pack(remote, b"\2" * 16)
    assert (here.pack, here.is_remote, here.kind) == (b"\1" * 16, False, "damaged-pack")
    assert (there.pack, there.is_remote) == (b"\2" * 16, True)
    assert "01010101" in here.what
    assert local.location in here.what
    assert here.exit_code == 7
