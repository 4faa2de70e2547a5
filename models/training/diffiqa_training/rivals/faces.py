"""What a label recipe sees: embeddings and who is on which photo."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..label_rows import Rows, unit


@dataclass(frozen=True)
class Person:
    """One person's rows against that person's clean photos."""

    rows: np.ndarray
    # Rows of the clean photos.
    clean: np.ndarray
    # Cosines [rows, clean].
    similarity: np.ndarray
    # Whether the clean photo is another one than the row's: a copy of the same photo says nothing about a person.
    other: np.ndarray


@dataclass(frozen=True)
class Faces:
    """`embedding` [N, d] as the network gives it; `person` '' where not known; a photo and its degraded copies share `photo`."""

    embedding: np.ndarray
    person: np.ndarray
    photo: np.ndarray
    clean: np.ndarray

    @staticmethod
    def of(rows: Rows) -> 'Faces':
        return Faces(rows.embedding, rows.person, rows.photo, rows.natural)

    def __len__(self) -> int:
        return len(self.person)

    @cached_property
    def unit(self) -> np.ndarray:
        return unit(self.embedding.astype(np.float64))

    @cached_property
    def people(self) -> list[np.ndarray]:
        """Rows of every known person, people in the order of their names."""
        known = np.flatnonzero(self.person != '')
        ordered = known[np.argsort(self.person[known], kind='stable')]
        _, starts = np.unique(self.person[ordered], return_index=True)
        return np.split(ordered, starts[1:]) if len(ordered) else []

    def each_person(self) -> Iterator[Person]:
        """Everybody who has a clean photo."""
        for rows in self.people:
            clean = rows[self.clean[rows]]
            if len(clean):
                other = self.photo[rows][:, None] != self.photo[clean][None, :]
                yield Person(rows, clean, self.unit[rows] @ self.unit[clean].T, other)
