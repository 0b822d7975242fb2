"""`dvx pull` as CI does it: a clone of depth 1, no `dvx init`, the right to read, a cache of unknown quality."""

import json

import pytest

from dvx.testing.faults import flip_bit
from dvx.testing.proxy import start_fault_proxy
from dvx.testing.servers import ACCESS_KEY, create_bucket, make_test_client
from dvx.testing.shell import commit, make_repo, must_dvx, read_tree, run_dvx, run_git, write_tree

CI = {"CI": "true"}


@pytest.fixture
def bucket(moto_server, s3_credentials):
    """A proxy before a bucket that may be read only, from the moment on that `is_read_only` is set."""
    with start_fault_proxy(moto_server.endpoint) as proxy:
        yield proxy, create_bucket(moto_server)


@pytest.fixture
def pushed(bucket, tmp_path, tree):
    """A repository whose data is in the bucket, which is read-only by now."""
    proxy, remote = bucket
    repo = make_repo(tmp_path / "author")
    must_dvx(repo, "remote", "add", "origin", remote.url, "--endpoint", proxy.endpoint)
    write_tree(repo / "data", tree)
    must_dvx(repo, "add", "data")
    commit(repo, "data")
    must_dvx(repo, "push")
    proxy.is_read_only = True
    proxy.start_log()
    proxy.signers.clear()
    return repo


@pytest.fixture
def checkout(pushed, tmp_path):
    """A clone of depth 1 in which nothing was run yet."""
    run_git(tmp_path, "clone", "-q", "--depth", "1", pushed.as_uri(), "job")
    return tmp_path / "job"


def check_job(job, env, tree, proxy):
    """Pull and verify with nothing but the right to read."""
    must_dvx(job, "pull", env=CI | env)
    assert read_tree(job / "data") == tree
    must_dvx(job, "verify", "--all", "--sample", "100%", env=CI | env)
    assert proxy.writes() == []
    assert run_git(job, "status", "--porcelain") == ""


def test_credentials_in_the_environment_need_no_right_to_write(bucket, checkout, tree):
    check_job(checkout, {}, tree, bucket[0])
    assert set(bucket[0].signers) == {ACCESS_KEY}


def make_public(remote):
    """Let anybody list a bucket and read what is in it."""
    client = make_test_client(remote.endpoint)
    client.put_bucket_acl(Bucket=remote.bucket, ACL="public-read")
    for item in client.list_objects_v2(Bucket=remote.bucket)["Contents"]:
        client.put_object_acl(Bucket=remote.bucket, Key=item["Key"], ACL="public-read")
    client.close()


def test_public_bucket_needs_no_credentials_at_all(bucket, checkout, tree, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    make_public(bucket[1])
    check_job(checkout, {"DVX_REMOTE_ORIGIN_ANONYMOUS": "true"}, tree, bucket[0])
    assert set(bucket[0].signers) == {""}


def test_web_identity_of_the_ci_service_is_traded_for_credentials(
    bucket, checkout, tree, moto_server, monkeypatch, tmp_path
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    token = tmp_path / "token"
    token.write_text("header.payload.signature")
    identity = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/ci-reader",
        "AWS_ENDPOINT_URL_STS": moto_server.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    check_job(checkout, identity, tree, bucket[0])
    assert bucket[0].signers
    assert all(key.startswith("ASIA") for key in bucket[0].signers)  # temporary ones, of each process its own


def test_clone_without_blobs_is_enough(bucket, pushed, tree, tmp_path):
    run_git(pushed, "config", "uploadpack.allowFilter", "true")
    run_git(tmp_path, "clone", "-q", "--depth", "1", "--filter=blob:none", pushed.as_uri(), "job")
    check_job(tmp_path / "job", {}, tree, bucket[0])


def test_push_with_the_right_to_read_only_is_refused_and_says_credentials(bucket, checkout):
    must_dvx(checkout, "pull", "--store")
    (checkout / "new.bin").write_bytes(b"new")
    must_dvx(checkout, "add", "new.bin")
    ran = run_dvx(checkout, "push")
    assert ran.code == 4, ran.err
    assert bucket[0].writes() != []


@pytest.fixture
def restored(author, shallow):
    """A clone of depth 1 into which a cache brought the store of another machine, and nothing else."""
    must_dvx(shallow, "pull", "--store")
    for name in ("index.db", "stat.db"):
        (shallow / ".git/dvx" / name).unlink()
    for path in ("data", "model.bin"):
        run_git(shallow, "clean", "-fdxq", "--", path)
    assert not (shallow / "data").exists()
    return shallow


def packs(repo):
    """The packs of the local store, the smallest (of pages) first."""
    return sorted((repo / ".git/dvx/store/packs").glob("*/*"), key=lambda pack: pack.stat().st_size)


def test_restored_store_is_used_before_the_remote(restored, tree, author):
    (author.parent / "remote").rename(author.parent / "away")
    must_dvx(restored, "pull", env=CI)
    assert read_tree(restored / "data") == tree


@pytest.mark.parametrize("which", [0, -1], ids=["pages", "data"])
@pytest.mark.parametrize("place", [60, -90, -5], ids=["frame", "index", "trailer"])
def test_flipped_bit_in_a_restored_store_is_noticed_and_healed_at_once(restored, tree, model, which, place):
    pack = packs(restored)[which]
    data = pack.read_bytes()
    pack.chmod(0o644)
    pack.write_bytes(flip_bit(data, place % len(data)))
    must_dvx(restored, "pull", env=CI)
    assert read_tree(restored / "data") == tree
    assert (restored / "model.bin").read_bytes() == model
    must_dvx(restored, "verify", env=CI)


def test_truncated_pack_in_a_restored_store_is_fetched_again(restored, tree):
    pack = packs(restored)[-1]
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:-100])
    must_dvx(restored, "pull", env=CI)
    assert read_tree(restored / "data") == tree


def test_store_of_an_older_commit_saves_what_did_not_change(restored, author, tree):
    write_tree(author / "data", tree | {"new.bin": ("file", b"new" * 100)})
    must_dvx(author, "add", "data")
    commit(author, "more")
    must_dvx(author, "push")
    run_git(restored, "pull", "-q")
    document = json.loads(must_dvx(restored, "pull", "--json", env=CI).out)
    assert document["direct"] is False
    assert 0 < document["fetched"]["received_bytes"] < 20_000
    assert (restored / "data/new.bin").read_bytes() == b"new" * 100


def test_pull_in_ci_without_a_restored_store_keeps_no_copy_and_again_none(shallow, tree):
    for _ in range(2):
        document = json.loads(must_dvx(shallow, "pull", "--json", env=CI).out)
        assert document["direct"] is True
    assert read_tree(shallow / "data") == tree
    assert not list((shallow / ".git/dvx/store").glob("roots/*/*/*"))
