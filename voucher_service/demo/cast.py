"""The invented people of the demonstration. Numbers are of the range that ARCEP keeps for fiction: 06 39 98."""

from __future__ import annotations

import random
from dataclasses import dataclass
from uuid import UUID

_FIRST = [
    "Adama",
    "Adèle",
    "Aïcha",
    "Alice",
    "Alexandru",
    "Aminata",
    "Ana",
    "Anwar",
    "Ariane",
    "Bakary",
    "Béatrice",
    "Bilal",
    "Camille",
    "Catherine",
    "Chloé",
    "Daniel",
    "Diane",
    "Djibril",
    "Elena",
    "Élise",
    "Émile",
    "Fanta",
    "Farid",
    "Fatou",
    "Florin",
    "Gabriel",
    "Georges",
    "Hawa",
    "Henri",
    "Ibrahim",
    "Inès",
    "Ioana",
    "Irina",
    "Jamila",
    "Jeanne",
    "Joël",
    "Karim",
    "Khadija",
    "Lamine",
    "Laure",
    "Leïla",
    "Louis",
    "Lucie",
    "Madeleine",
    "Mamadou",
    "Marek",
    "Marie",
    "Maryam",
    "Mehdi",
    "Michel",
    "Mihaela",
    "Mireille",
    "Moussa",
    "Nadia",
    "Natacha",
    "Nicolas",
    "Nour",
    "Oksana",
    "Olivier",
    "Omar",
    "Oumou",
    "Patrick",
    "Paulette",
    "Rachid",
    "Reza",
    "Roland",
    "Rosa",
    "Salif",
    "Samira",
    "Sandrine",
    "Selam",
    "Sékou",
    "Simon",
    "Sofia",
    "Soraya",
    "Sylvie",
    "Tarek",
    "Teodora",
    "Thierry",
    "Valérie",
    "Viktor",
    "Yacine",
    "Yasmine",
    "Yohannes",
    "Youssef",
    "Zahra",
    "Zoé",
]
_LAST = [
    "Abadie",
    "Achard",
    "Amari",
    "Balde",
    "Barreau",
    "Bensaïd",
    "Berthier",
    "Bianchi",
    "Boutin",
    "Camara",
    "Carré",
    "Chauvet",
    "Cissé",
    "Colas",
    "Costa",
    "Dabo",
    "Delmas",
    "Diarra",
    "Dos-Santos",
    "Dubreuil",
    "Fabre",
    "Fofana",
    "Gebre",
    "Girardin",
    "Guyon",
    "Hakimi",
    "Hamdi",
    "Haouari",
    "Ionescu",
    "Jolivet",
    "Kaba",
    "Kaya",
    "Keïta",
    "Kovalenko",
    "Lacombe",
    "Lagarde",
    "Lambin",
    "Maïga",
    "Marchand",
    "Marin",
    "Mendy",
    "Mercadier",
    "Moldovan",
    "Nassar",
    "Ndiaye",
    "Noorzai",
    "Olivier",
    "Ould",
    "Pasquet",
    "Perrin",
    "Petrescu",
    "Pinto",
    "Popa",
    "Quéré",
    "Rahmani",
    "Ribeiro",
    "Sabatier",
    "Saïdi",
    "Sarr",
    "Savchenko",
    "Sidibé",
    "Silva",
    "Soumah",
    "Tesfaye",
    "Thibault",
    "Toma",
    "Traoré",
    "Vasseur",
    "Vidal",
    "Wagner",
    "Yilmaz",
    "Zerrouki",
]
_LANGUAGES = (("fr", 68), ("ar", 10), ("en", 7), ("uk", 4), ("ro", 4), ("ti", 3), ("fa", 2), ("ps", 2))
_NOTES = (
    "A compris comment suivre sa consommation.",
    "Demande un accompagnement pour son espace santé.",
    "Téléphone à l’écran fendu : proposer un appareil reconditionné.",
    "Cherche un forfait plus adapté, facture divisée par deux depuis mars.",
    "Prochain passage avec son assistante sociale.",
    "Préfère être appelé l’après-midi.",
)


@dataclass(slots=True)
class Someone:
    """Who comes. `digits` are the last four of their number; `home` is an index of the branches."""

    name: str | None
    digits: str | None
    birth_year: int | None
    language: str
    home: int
    young: bool
    id: UUID | None = None
    usual: int = 0  # the code of the offer they mostly ask for
    visits: int = 0
    says: str | None = None  # the number they give first, if it is not theirs

    @property
    def number(self) -> str | None:
        """Return their number in E.164."""
        return f"+3363998{self.digits}" if self.digits else None


class Cast:
    """Draws people, answers and small accidents from one seeded source."""

    def __init__(self, rng: random.Random) -> None:
        """Start with an empty directory."""
        self._rng = rng
        self._taken: set[str] = set()

    def someone(self, home: int, year: int) -> Someone:
        """Return a person who was not there before; `year` is the present one."""
        rng = self._rng
        age = min(88, max(18, round(rng.gauss(39, 15))))
        young = age <= 26
        without_phone = rng.random() < 0.06
        return Someone(
            name=None if rng.random() < 0.12 else f"{rng.choice(_FIRST)} {rng.choice(_LAST)}",
            digits=None if without_phone else self._digits(),
            birth_year=None if rng.random() < 0.15 else year - age,
            language=rng.choices([code for code, _ in _LANGUAGES], [weight for _, weight in _LANGUAGES])[0],
            home=home,
            young=young,
        )

    def _digits(self) -> str:
        while True:
            digits = f"{self._rng.randrange(10_000):04d}"
            # The sandbox decides by the last three digits: 100 to 112, 200 to 212 and 300 to 312 mean something.
            if digits not in self._taken and not (digits[1] in "123" and int(digits[2:]) <= 12):
                self._taken.add(digits)
                return digits

    def answers(self, visits: int) -> dict[str, object]:
        """Return the answers of one visit, in the codes of the campaign's form; some are left out."""
        rng = self._rng
        found: dict[str, object] = {"type_lieu": rng.choices(("lieu_activite", "a_distance", "autre"), (92, 5, 3))[0]}
        ease = min(visits, 4)  # people learn
        found["autonomie"] = rng.choices(
            ("entierement_accompagne", "partiellement_autonome", "autonome"), (5 - ease, 4, 1 + ease)
        )[0]
        if rng.random() < 0.8:
            found["materiel"] = rng.choices(
                (["telephone"], ["telephone", "ordinateur"], ["tablette"], ["aucun"]), (70, 18, 5, 7)
            )[0]
        if rng.random() < 0.7:
            found["thematiques"] = rng.sample(_THEMES, rng.choices((1, 2, 3), (60, 30, 10))[0])
        if rng.random() < 0.75:
            found["duree"] = rng.choice((10, 15, 15, 20, 20, 30, 45))
        return found

    def note(self) -> str:
        """Return what was noted: mostly nothing."""
        return self._rng.choice(_NOTES) if self._rng.random() < 0.06 else ""


_THEMES = (
    "aide_aux_demarches_administratives",
    "prendre_en_main_du_materiel",
    "navigation_sur_internet",
    "email",
    "social_sante",
    "insertion_professionnelle",
    "securite_numerique",
    "diagnostic_numerique",
)
