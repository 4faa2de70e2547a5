"""Recipe of PCNet (Xie, Byrne, Zisserman, BMVC 2020): two photos of a person match as well as the worse one allows.

There is no label of a single photo: the network sees two photos of one person, and the lower of its two answers is to be the
similarity of their embeddings.
"""

import numpy as np

from .faces import Faces


class MatedPairs:
    """Draws pairs of different photos of one person, every row with another photo of its person as often as any other."""

    def __init__(self, faces: Faces) -> None:
        self.faces = faces
        self.of_person = [rows for rows in faces.people if len(np.unique(faces.photo[rows])) > 1]
        if not self.of_person:
            raise RuntimeError('pcnet: nobody has two photos')
        self.first = np.concatenate(self.of_person)
        self.person = np.repeat(np.arange(len(self.of_person)), [len(rows) for rows in self.of_person])

    def draw(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the first and of the second photos, and the cosines of their embeddings."""
        place = random.integers(0, len(self.first), count)
        first = self.first[place]
        second = np.array([self.partner(row, person, random) for row, person in zip(first, self.person[place])])
        return first, second, (self.faces.unit[first] * self.faces.unit[second]).sum(1)

    def partner(self, row: int, person: int, random: np.random.Generator) -> int:
        rows = self.of_person[person]
        return random.choice(rows[self.faces.photo[rows] != self.faces.photo[row]])
