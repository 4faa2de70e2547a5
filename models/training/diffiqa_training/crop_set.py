"""A set of crops as the TypeScript aligner wrote it."""

import json
from dataclasses import dataclass

import numpy as np

from . import paths

SHAPE = (112, 112, 3)


@dataclass(frozen=True)
class CropSet:
    """`crops[i]` belongs to the row whose `i` is i; rows without a face have i = -1."""

    name: str
    variant: str
    crops: np.ndarray
    rows: list[dict]

    def __len__(self) -> int:
        return len(self.crops)

    @property
    def index(self) -> np.ndarray:
        """Per row: its crop, -1 without a face."""
        return np.array([row['i'] for row in self.rows])

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values per crop → values per row, NaN where the row has no face."""
        index = self.index
        result = np.full((len(index), *values.shape[1:]), np.nan, values.dtype)
        result[index >= 0] = values[index[index >= 0]]
        return result

    @property
    def found(self) -> list[dict]:
        """The rows with a face, in the order of their crops."""
        return sorted((row for row in self.rows if row['i'] >= 0), key=lambda row: row['i'])

    def column(self, key: str) -> np.ndarray:
        """One number per row, NaN where the row has no face."""
        return np.array([row.get(key, np.nan) for row in self.rows], np.float64)

    def people(self) -> np.ndarray:
        return np.array([row['person'] or '' for row in self.rows])


def exists(name: str, variant: str) -> bool:
    return paths.crops_file(name, variant).exists()


def load(name: str, variant: str) -> CropSet:
    """Raises SystemExit where the set has not been cropped."""
    if not exists(name, variant):
        raise SystemExit(f'no crops of {name}.{variant}: run the step crops first')
    file = paths.crops_file(name, variant)
    rows = [json.loads(line) for line in file.with_suffix('.jsonl').read_text().splitlines() if line]
    crops = np.memmap(file, np.uint8, 'r')
    crops = crops.reshape(-1, *SHAPE)
    result = CropSet(name, variant, crops, rows)
    found = result.found
    if [row['i'] for row in found] != list(range(len(crops))):
        raise RuntimeError(f'{file.name}: rows do not match the {len(crops)} crops')
    return result
