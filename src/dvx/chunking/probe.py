"""Which codec suits some bytes: cheap estimates from a sample.

Owns the estimates and their thresholds. Must not keep anything: remembering an answer for the next chunks is
the encoder's business. Nothing here is part of the format: any choice decodes.
"""

from dataclasses import dataclass
from typing import Final

from dvx.chunking.codec_ids import Codec
from dvx.chunking.parts import Buffer
from dvx.chunking.zstd_frames import compress_entropy, compress_general

# zstd stores 4 KiB as they are unless it saves 66 bytes (1.6 %); 4 microseconds on noise.
QUICK_SAMPLE_BYTES: Final = 4096
# For names that promise compressed content; 2 microseconds.
NAMED_SAMPLE_BYTES: Final = 1024
_LAG_SAMPLE_BYTES: Final = 1024
# In 1 KiB of noise 4 bytes (standard deviation 2) equal the byte 8 positions before, in fp32 weights over 30.
_LAG_BYTES: Final = 8
_LAG_REPEATS: Final = 16

# Four planes of 4 KiB: the Huffman table (up to 128 bytes) is 3 % of a plane. About 100 microseconds in all.
PROBE_SAMPLE_BYTES: Final = 16 * 1024
# A plane is compressed if its sample shrinks below this; the top mantissa plane of fp32 (0.98) is left alone.
_PLANE_WORTH: Final = 0.97
# Planes must beat zstd by this factor on the sample, because zstd finds longer matches in whole chunks.
_PLANES_ADVANTAGE: Final = 0.93
# Two phases two bytes apart are the same kind of plane if their ratios differ by less.
_SAME_PLANE: Final = 0.06
_RAW_ABOVE: Final = 0.98
# A raw plane of weights keeps above 0.97 of its length, one of text falls below 0.8.
_NOISE_ABOVE: Final = 0.9

# Formats whose content is compressed already. Left out: those that may hold plain parts of any size (parquet,
# npz, pdf, pt), which the estimates judge as well.
_COMPRESSED_SUFFIXES: Final = frozenset(
    {
        *("7z", "apk", "br", "bz2", "gz", "jar", "lz4", "lzma", "rar", "tbz2", "tgz", "txz"),
        *("whl", "xz", "zip", "zst"),
        *("avif", "gif", "heic", "heif", "jp2", "jpeg", "jpg", "jxl", "png", "webp"),
        *("aac", "flac", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "ogg", "opus", "webm", "wma"),
        *("docx", "epub", "pptx", "woff2", "xlsx"),
    }
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A codec for bytes like the probed ones, and the stored/plain ratio to expect.

    `phases[p]`: whether the plane of file offsets that leave remainder p is worth compressing; one flag for
    each byte of a number, empty for other codecs.
    """

    codec: Codec
    ratio: float
    phases: tuple[bool, ...] = ()


def promises_compressed(name: str) -> bool:
    """Say whether the suffix of `name` is that of a compressed format."""
    return name.rpartition(".")[2].lower() in _COMPRESSED_SUFFIXES


def looks_incompressible(data: Buffer, *, sample_bytes: int = QUICK_SAMPLE_BYTES) -> bool:
    """Say whether a sample from the middle shows neither frequent bytes nor numbers of 2, 4 or 8 bytes."""
    sample = _middle(data, sample_bytes)
    if len(compress_general(sample)) < len(sample):
        return False
    return sample_bytes < QUICK_SAMPLE_BYTES or not _repeats_at_lag(sample[:_LAG_SAMPLE_BYTES])


def raw_plane_is_noise(data: Buffer, offset: int, phases: tuple[bool, ...]) -> bool:
    """Say whether the first plane that `phases` leaves raw still does not compress; True if there is none."""
    if all(phases):
        return True
    width = len(phases)
    k = (phases.index(False) - offset) % width
    plane = _middle(data, NAMED_SAMPLE_BYTES * width)[k::width]
    return len(compress_entropy(plane)) > _NOISE_ABOVE * len(plane)


def choose(data: Buffer, offset: int) -> Choice:
    """Estimate every codec on a sample of `data`, which starts at `offset` of its file; prefer cheap ones."""
    sample = _middle(data, PROBE_SAMPLE_BYTES)
    if len(sample) < 64:
        return Choice(Codec.RAW, 1.0)
    general = len(compress_general(sample)) / len(sample)
    planes = _choose_planes(sample, offset)
    if planes.ratio < _PLANES_ADVANTAGE * general and planes.ratio < _RAW_ABOVE:
        return planes
    return Choice(Codec.ZSTD, general) if general < _RAW_ABOVE else Choice(Codec.RAW, 1.0)


def _choose_planes(sample: bytes, offset: int) -> Choice:
    """Judge the four byte phases; `sample` starts a multiple of 4 bytes after `offset`."""
    ratios = [0.0] * 4
    for k in range(4):
        plane = sample[k::4]
        ratios[(offset + k) % 4] = min(1.0, len(compress_entropy(plane)) / len(plane))
    wanted = tuple(ratio < _PLANE_WORTH for ratio in ratios)
    total = sum(ratio if flag else 1.0 for ratio, flag in zip(ratios, wanted, strict=True)) / 4
    if all(abs(ratios[p] - ratios[p + 2]) < _SAME_PLANE for p in (0, 1)):
        return Choice(Codec.PLANES2, total, (wanted[0] or wanted[2], wanted[1] or wanted[3]))
    return Choice(Codec.PLANES4, total, wanted)


def _middle(data: Buffer, sample_bytes: int) -> bytes:
    """Return up to `sample_bytes` from the middle, starting at a multiple of 4."""
    start = max(0, len(data) - sample_bytes) // 2 & ~3
    return bytes(data[start : start + sample_bytes])


def _repeats_at_lag(sample: bytes) -> bool:
    later = int.from_bytes(sample[_LAG_BYTES:], "little")
    earlier = int.from_bytes(sample[:-_LAG_BYTES], "little")
    return (later ^ earlier).to_bytes(len(sample), "little").count(0) - _LAG_BYTES >= _LAG_REPEATS
