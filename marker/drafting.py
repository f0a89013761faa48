"""Propose the required points of a rubric from model answers: clauses that make one claim each, with their words.

The grammar decides where a claim ends, fixed rules say whom a pronoun means, and a claim that adds nothing to the
question is left out with a reason. A draft is for a teacher to correct: every point shows the words it came from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from marker import authoring, language
from marker.errors import RubricError
from marker.language import Token, content_stems
from marker.rubric import Rubric
from marker.scheme import RequiredPoint

SAME = 0.6
"""Share of content words, of all that two claims use, from which they count as one."""

LEAST_CLAIM = 3
"""Content words without which a clause is no claim of its own, and stays with the clause that it hangs on."""

LEAST_EVENT = 4
"""Content words from which a clause of time, or a second thing that the same subject did, is a claim of its own."""

LOOK_BACK = 3
"""Clauses before a pronoun in which its noun is looked for."""

LONGEST = 200
"""Words beyond which a sentence is a list or lacks its stops, and can't be taken apart."""

RESTATES, NO_CLAIM, REPEATS, TOO_GENERAL = "restates the question", "no claim", "repeats a point", "too general"

_SUBJECTS = {"nsubj", "nsubjpass", "csubj", "expl"}
_AUXILIARIES = {"aux", "auxpass", "neg"}
_CONTRASTS = {"while", "whereas", "although", "though"}
_CAUSES = {"because", "since", "as"}
_CAUSE_WORDS = {"due", "because", "owing", "through", "by"}
# a line that runs to the margin was wrapped, whatever the next one begins with
_WRAPPED = re.compile(r"(?<=[^\n]{60})(?<![.!?:;…])\n(?=\w)")
_OPENERS = set(
    language.words(
        "also besides consequently finally firstly furthermore hence however indeed lastly likewise meanwhile moreover "
        "nevertheless nonetheless secondly similarly so then therefore thirdly thus yet"
    )
)
_GENERAL = content_stems(
    "reason reasons cause causes factor factors way ways effect effects result results problem problems thing things "
    "kind kinds several many main important serious different various economic political social physical mixture "
    "mistakes partly force combination range long short term began became happened people"
)
_PERSONS = set(
    language.words(
        "archbishop boy chancellor child commander daughter duke emperor empress father general girl governor king "
        "lady leader lord man minister monk mother officer pope premier president prince princess queen secretary "
        "soldier son sultan tsar wife woman husband brother sister friend"
    )
)
_SINGULAR_PERSON = {"he", "she", "his", "her"}
_SINGULAR_THING = {"it", "its", "this"}
_PLURAL = {"they", "their", "these"}
_PRONOUNS = _SINGULAR_PERSON | _SINGULAR_THING | _PLURAL
_SEVERAL = {"all", "both", "clergy", "few", "majority", "many", "most", "others", "police", "several", "some"}
_EMPTY_VERBS = {"is", "was", "be", "been", "became", "appears", "appeared", "seems", "seemed", "takes", "took"}
_POSSESSIVE = {"his", "her", "their", "its"}


@dataclass(frozen=True, slots=True)
class Span:
    """Hold words of a model answer: its number, from 0, and `answer[start:end]`; notes are numbered after answers."""

    answer: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DraftedPoint:
    """Hold a proposed point with the words it came from."""

    point: RequiredPoint
    sources: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Hold words of a model answer that became no point, and why."""

    span: Span
    reason: str


@dataclass(frozen=True)
class Draft:
    """Hold the proposed points in the order of the model answers, and what was left out."""

    points: tuple[DraftedPoint, ...]
    left_out: tuple[LeftOut, ...]
    model_answer: str = ""

    def rubric(self, id: str, question: str, subject: str = "") -> Rubric:
        """Return the draft as a rubric; raises RubricError where the id or the question is not sound."""
        points = tuple(p.point for p in self.points)
        drafted = Rubric(id, question, points, subject=subject, model_answer=self.model_answer)
        return Rubric.from_dict(drafted.as_dict(), "draft")


def draft(question: str, answers: Sequence[str], notes: Sequence[str] = ()) -> Draft:
    """Propose points from model answers; notes only add sources to them; raises RubricError if there are none."""
    if not question.strip():
        raise RubricError(["question: is empty; give the question that the answers answer"])
    if not any(a.strip() for a in answers):
        raise RubricError(["model answer: is empty; give at least one answer to draft from"])
    kept, left_out = _sift(question, [c for n, answer in enumerate(answers) for c in _claims(n, answer, question)])
    if not kept:
        reasons = ", ".join(sorted({x.reason for x in left_out})) or NO_CLAIM
        raise RubricError([f"model answer: holds nothing to draft a point from ({reasons})"])
    known = [c for n, note in enumerate(notes, len(answers)) for c in _claims(n, note, question)]
    for note in known:
        if same := _same(note, kept):
            kept[same] += note.spans
    first = next(" ".join(a.split()) for a in answers if a.strip())
    return Draft(tuple(_points(question, kept)), tuple(left_out), first)


# --- claims ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Claim:
    """Hold one clause as a sentence of its own, and what its wording needs to know."""

    inner: str
    """The claim as it stands after 'that'."""
    spans: tuple[Span, ...]
    about: _Noun | None = None
    names: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    shared: str = ""
    """What a list of names has in common."""
    kind: str = "what"
    verbal: bool = False

    @property
    def statement(self) -> str:
        return f"{self.inner[:1].upper()}{self.inner[1:]}."

    @cached_property
    def stems(self) -> set[str]:
        return content_stems(self.inner)


@dataclass(frozen=True)
class _Tree:
    """Hold a sentence of an answer with its grammar."""

    answer: int
    text: str
    tokens: tuple[Token, ...]

    @cached_property
    def children(self) -> dict[int, list[int]]:
        below: dict[int, list[int]] = {i: [] for i in range(len(self.tokens))}
        for i, token in enumerate(self.tokens):
            if token.head != i:
                below[token.head].append(i)
        return below

    def below(self, i: int, *deps: str) -> list[int]:
        return [c for c in self.children[i] if self.tokens[c].dep in deps]

    def subtree(self, i: int, without: Iterable[str] = ()) -> list[int]:
        found = [i]
        for place in found:
            found += [c for c in self.children[place] if self.tokens[c].dep not in without]
        return sorted(found)

    def lower(self, i: int) -> str:
        return self.tokens[i].text.lower()

    def words(self, places: Iterable[int]) -> str:
        return " ".join(self.tokens[i].text for i in places)

    def stems(self, places: Iterable[int]) -> set[str]:
        return content_stems(self.words(places))


@dataclass(frozen=True)
class _Noun:
    """Hold a noun phrase that a pronoun may stand for; `person` is None where it can't be told."""

    text: str
    plural: bool
    person: bool | None

    def fits(self, pronoun: str) -> bool:
        if pronoun in _PLURAL:
            return self.plural
        return not self.plural and self.person is not (pronoun in _SINGULAR_THING)


def _claims(number: int, answer: str, question: str) -> Iterator[_Claim]:
    """Yield the claims of one answer in order; together their spans hold every word of it."""
    before: list[list[_Noun]] = []
    for start, end in language.sentence_spans(_WRAPPED.sub(" ", answer)):
        if len(language.words(answer[start:end])) > LONGEST:
            yield _Claim("", (Span(number, start, end),))
            continue
        tree = _Tree(number, answer, language.parse(answer, start, end))
        for head, places in _clauses(tree, question):
            for part in _parts(tree, head, places):
                yield _claim(tree, head, part, before)
            before.append(_nouns(tree, head, before))


def _clauses(tree: _Tree, question: str) -> list[tuple[int, list[int]]]:
    """Share the words of a sentence out among its clauses, each named by the place of its head."""
    heads = {i for i in range(len(tree.tokens)) if _begins_clause(tree, i, content_stems(question))}
    while (small := _too_small(tree, heads)) is not None:
        heads.remove(small)
    owners = _owners(tree, heads)
    for i in reversed(range(len(owners) - 1)):
        # what joins two clauses belongs to the second, so that each is one stretch of the answer
        if tree.tokens[i].dep in {"punct", "cc"} and owners[i + 1] != owners[i] and tree.lower(i) not in {".", ")"}:
            owners[i] = owners[i + 1]
    for i in range(1, len(owners)):
        if tree.lower(i) in {".", "!", "?"}:
            owners[i] = owners[i - 1]
    clauses = {h: [i for i, o in enumerate(owners) if o == h] for h in heads}
    return sorted(((h, p) for h, p in clauses.items() if p), key=lambda x: x[1][0])


def _owners(tree: _Tree, heads: set[int]) -> list[int]:
    """Return, for every word, the head of the clause that it belongs to."""

    def owner(i: int) -> int:
        while i not in heads and tree.tokens[i].head != i:
            i = tree.tokens[i].head
        return i

    return [owner(i) for i in range(len(tree.tokens))]


def _too_small(tree: _Tree, heads: set[int]) -> int | None:
    """Return the head of a clause that leaves too little, in itself or in the clause it hangs on, for a claim."""
    owners = _owners(tree, heads)
    sizes = {h: len(tree.stems(i for i, o in enumerate(owners) if o == h)) for h in heads}
    for i in sorted(heads):
        above = tree.tokens[i].head
        causes = any(tree.lower(j) in _CAUSES for j in tree.below(i, "mark"))  # of what only repeats the question
        if above != i and min(sizes[i], LEAST_CLAIM if causes else sizes[owners[above]]) < LEAST_CLAIM:
            return i
    return None


def _begins_clause(tree: _Tree, i: int, asked: set[str]) -> bool:
    token = tree.tokens[i]
    if token.head == i:
        return True
    if token.pos not in {"VERB", "AUX"}:
        return False
    if _leans(tree, i):
        return False
    subject = bool(tree.below(i, *_SUBJECTS))
    if token.dep == "conj":
        return (subject or _second_event(tree, i)) and _begins_clause(tree, _first_joined(tree, i), asked)
    if token.dep in {"ccomp", "parataxis"}:
        return subject and (i < token.head or any(tree.lower(j) in {";", ":"} for j in range(token.head, i)))
    return token.dep == "advcl" and subject and _stands_alone(tree, i, asked)


def _first_joined(tree: _Tree, i: int) -> int:
    while tree.tokens[i].dep == "conj" and tree.tokens[i].head != i:
        i = tree.tokens[i].head
    return i


def _leans(tree: _Tree, i: int) -> bool:
    """Say whether a clause is cut short or joined so closely that it can't stand alone: 'so that', 'and so does'."""
    token = tree.tokens[i]
    cut_short = token.tag in {"VBN", "VBG"} and not tree.below(i, "aux", "auxpass") and tree.below(i, *_SUBJECTS)
    inverted = i > 0 and tree.lower(i - 1) in {"so", "nor", "neither"}
    result = any(tree.lower(j) == "that" for j in tree.below(i, "mark"))
    return bool(cut_short) or inverted or (token.dep != "advcl" and result)


def _stands_alone(tree: _Tree, i: int, asked: set[str]) -> bool:
    """Split a contrast from its clause, a long 'until', and a cause from a clause that only repeats the question."""
    marks = {tree.lower(j) for j in tree.below(i, "mark", "advmod")}
    clause = set(tree.subtree(i))
    main = set(tree.subtree(tree.tokens[i].head)) - clause
    last = max(clause) > max(j for j in main if tree.tokens[j].dep != "punct")
    if marks & _CONTRASTS:
        return last
    if marks & _CAUSES:
        said = tree.stems(main)
        return bool(said & asked) and len(said - asked - _GENERAL) <= 1
    return last and "until" in marks and min(len(tree.stems(main)), len(tree.stems(clause))) >= LEAST_EVENT


def _second_event(tree: _Tree, i: int) -> bool:
    """Say whether a verb that shares its subject is set off with a comma and says enough."""
    head = tree.tokens[i].head
    joined = [j for j in range(head + 1, i) if tree.tokens[j].dep == "cc" and tree.tokens[j].head == head]
    set_off = any(tree.lower(j - 1) in {",", ";"} for j in joined)
    return set_off and len(tree.stems(tree.subtree(i))) >= LEAST_EVENT


def _parts(tree: _Tree, head: int, places: list[int]) -> list[list[int]]:
    """Make two claims of a clause that joins two causes: 'due to X and Y', 'the X and the Y meant'."""
    for joined in places:
        first = _first_of_two(tree, head, joined)
        if first is None:
            continue
        second = set(tree.subtree(joined))
        ties = {j for j in range(first, joined) if tree.tokens[j].dep in {"cc", "punct"}} - second
        own = set(tree.subtree(first)) - second
        if min(len(tree.stems(own)), len(tree.stems(second))) > 1:
            link = {j for j in ties if j > max(own - ties)}
            return [[p for p in places if p not in second | link], [p for p in places if p not in own - link]]
    return [places]


def _first_of_two(tree: _Tree, head: int, joined: int) -> int | None:
    """Return the place of the cause to which `joined` is added, or None where it is no second cause."""
    token = tree.tokens[joined]
    if token.dep != "conj" or token.tag not in {"NN", "NNS"} or tree.below(joined, "conj"):
        return None
    first = token.head
    if tree.tokens[first].dep == "conj":
        return None
    # 'the lack of a successor and the system': what has its own article is joined to the lack, not the successor
    while tree.below(joined, "det") and _preposition(tree, first) == "of":
        first = tree.tokens[tree.tokens[first].head].head
    if _preposition(tree, first) in _CAUSE_WORDS:
        return first
    return _first_subject(tree, head, joined)


def _first_subject(tree: _Tree, head: int, joined: int) -> int | None:
    """Return the place of a subject that a noun with its own addition is joined to, where the verb fits either."""
    subject = next(iter(tree.below(head, "nsubj")), None)
    plain_past = tree.tokens[head].tag in {"VBD", "VBN"} and not tree.below(head, *_AUXILIARIES)
    if subject is None or not plain_past or tree.lower(head) in {"was", "were"} or not tree.below(joined, "prep"):
        return None
    return subject if joined in tree.subtree(subject) else None


def _preposition(tree: _Tree, i: int) -> str:
    """Return the preposition on which a noun hangs, or nothing."""
    return tree.lower(tree.tokens[i].head) if tree.tokens[i].dep == "pobj" else ""


# --- pronouns --------------------------------------------------------------------------------------------------------


def _subject(tree: _Tree, head: int) -> int | None:
    """Return the place of a clause's subject, which may stand with the verb that it is joined to."""
    while not (own := tree.below(head, *_SUBJECTS)) and tree.tokens[head].dep == "conj":
        head = tree.tokens[head].head
    return own[0] if own and tree.tokens[own[0]].dep in {"nsubj", "nsubjpass"} else None


def _nouns(tree: _Tree, head: int, before: Sequence[list[_Noun]]) -> list[_Noun]:
    """Return what a later pronoun may mean by this clause: its subject, then whose it is."""
    subject = _subject(tree, head)
    if subject is None:
        return []
    if tree.lower(subject) in _PRONOUNS:
        meant = _meant(tree.lower(subject), before)
        return [meant] if meant else []
    owners = [o for o in tree.below(subject, "poss") if tree.tokens[o].pos == "PROPN"]
    swaps = _swaps(tree, head, tree.subtree(subject), before)
    objects = [_noun(tree, o) for o in _objects(tree, head)]
    certain = [replace(o, person=bool(o.person)) for o in objects]
    return [_noun(tree, subject, swaps), *(_noun(tree, o) for o in owners), *certain]


def _objects(tree: _Tree, head: int) -> list[int]:
    """Return the places of a clause's objects, those of prepositions last."""
    objects = tree.below(head, "dobj", "dative")
    objects += [o for p in tree.below(head, "prep") if p > head for o in tree.below(p, "pobj")]
    return [o for o in objects if tree.tokens[o].pos in {"NOUN", "PROPN"}]


def _noun(tree: _Tree, i: int, swaps: Mapping[int, str] = MappingProxyType({})) -> _Noun:
    token = tree.tokens[i]
    several = bool(tree.below(i, "conj")) or tree.lower(i) in _SEVERAL
    if token.pos == "PROPN":
        # the recogniser takes many a name for an organisation or a people
        person = None if token.entity in {"", "ORG", "NORP"} else token.entity == "PERSON"
    else:
        stem = tree.lower(i)
        person = True if stem in _PERSONS else None if re.search(r"(?:er|or|ist|ian)$", stem) else False
    return _Noun(_phrase(tree, i, swaps), several or token.tag in {"NNS", "NNPS"}, person)


def _phrase(tree: _Tree, i: int, swaps: Mapping[int, str]) -> str:
    """Return a noun with what stands before it and with its 'of', without clauses and additions."""
    dropped = {"relcl", "acl", "appos", "preconj", "advcl"}
    places = [p for p in tree.subtree(i, dropped) if p <= i or _of_or_and(tree, p, i)]
    if tree.tokens[i].dep == "poss":
        places = [p for p in places if p not in tree.below(i, "case")]
    while places and tree.tokens[places[-1]].dep in {"punct", "cc"}:
        places.pop()
    return _uncapitalised(tree, places[0], _joined(tree, places, swaps), swaps)


def _uncapitalised(tree: _Tree, first: int, text: str, swaps: Mapping[int, str]) -> str:
    """Take back the capital of a word that has it only because it opens a sentence."""
    token = tree.tokens[first]
    proper = token.pos == "PROPN" or (token.entity and token.pos != "DET") or token.text == "I"
    return text if first in swaps or proper else text[:1].lower() + text[1:]


def _of_or_and(tree: _Tree, place: int, i: int) -> bool:
    while tree.tokens[place].head != i:
        place = tree.tokens[place].head
    return tree.tokens[place].dep in {"conj", "cc", "punct"} or tree.lower(place) == "of"


def _meant(pronoun: str, before: Sequence[list[_Noun]]) -> _Noun | None:
    """Return the nearest subject before a pronoun that agrees with it in number and in being a person."""
    recent = reversed(before[-1 if pronoun in {"this", "these"} else -LOOK_BACK :])
    return next((noun for nouns in recent for noun in nouns if noun.fits(pronoun)), None)


def _swaps(tree: _Tree, head: int, places: Sequence[int], before: Sequence[list[_Noun]]) -> dict[int, str]:
    """Return, by place, the words that stand for the pronouns of a clause; a noun of its own is left to be meant."""
    swaps = {}
    for i in places:
        word = tree.lower(i)
        owner = word in _POSSESSIVE and tree.tokens[i].dep == "poss"
        if not owner and not (word in _PRONOUNS and _opens(tree, i, _subject(tree, head))):
            continue
        if _at_hand(tree, head, places, i, before) or _means_nothing(tree, i):
            continue
        if noun := _meant(word, before):
            swaps[i] = _possessive(noun.text) if owner else noun.text
    return swaps


def _opens(tree: _Tree, i: int, subject: int | None) -> bool:
    """Say whether a pronoun is the clause's subject, or that of a clause of time that stands before it."""
    return i == subject or (subject is not None and i < subject and tree.tokens[i].dep in {"nsubj", "nsubjpass"})


def _before(tree: _Tree, places: Sequence[int], i: int) -> list[int]:
    """Return the places before a pronoun, without what it is itself a part of: 'evidence of its cruelty'."""
    above: list[int] = []
    place = i
    while place not in above and tree.tokens[place].pos not in {"VERB", "AUX"}:
        above.append(place)
        place = tree.tokens[place].head
    return [p for p in places if p < i and p not in above]


def _at_hand(tree: _Tree, head: int, places: Sequence[int], i: int, before: Sequence[list[_Noun]]) -> bool:
    """Say whether a pronoun may mean a noun that stands before it in its own clause."""
    word, earlier = tree.lower(i), _before(tree, places, i)
    subject = _subject(tree, head)
    if subject in earlier and tree.tokens[subject].pos == "PRON":
        meant = _meant(tree.lower(subject), before)
        return meant is None or meant.fits(word)
    roles = {"nsubj", "nsubjpass", "dobj", "dative", "attr"}
    nouns = [n for n in earlier if tree.tokens[n].pos in {"NOUN", "PROPN"}]
    near = [n for n in nouns if tree.tokens[n].dep in roles or (tree.tokens[n].dep == "pobj" and n > head)]
    if subject is not None and subject not in places and word in _POSSESSIVE:
        near.append(subject)
    return any(_noun(tree, n).fits(word) for n in near)


def _means_nothing(tree: _Tree, i: int) -> bool:
    """Say whether an 'it' only holds a place: 'it was dangerous to', 'it appears that'; or a 'this' is 'all this'."""
    verb = tree.tokens[i].head
    if tree.lower(i) != "it":
        return tree.lower(i) == "this" and bool(tree.children[i])
    later = [j for j in tree.subtree(verb) if j > verb]
    tied = any(tree.lower(j) == "that" or (tree.lower(j) == "to" and tree.tokens[j].dep == "aux") for j in later)
    return tied and tree.lower(verb) in _EMPTY_VERBS


def _possessive(text: str) -> str:
    return f"{text}'" if text.endswith("s") and text[:1].islower() else f"{text}'s"


# --- statements ------------------------------------------------------------------------------------------------------


def _claim(tree: _Tree, head: int, places: list[int], before: Sequence[list[_Noun]]) -> _Claim:
    subject = _subject(tree, head)
    about = next(iter(_nouns(tree, head, before)), None)
    swaps = _swaps(tree, head, places, before)
    trimmed = _trimmed(tree, head, places)
    body = _joined(tree, trimmed, swaps)
    if subject is not None and subject not in places:
        body = f"{_shared(tree, head, subject, about)} {body}"
    elif trimmed:
        body = _uncapitalised(tree, trimmed[0], body, swaps)
    listed = _listed(tree, places)
    shared = _joined(tree, [p for p in trimmed if p >= head], swaps) if listed else ""
    verbs = [tree.tokens[i].tag for i in places if tree.tokens[i].pos in {"VERB", "AUX"}]
    verbal = any(subject is not None or tag not in {"VB", "VBG"} for tag in verbs)
    spans = tuple(_spans(tree, places))
    return _Claim(_plain(body), spans, about, _names(tree, places), listed, shared, _kind(tree, places, head), verbal)


def _shared(tree: _Tree, head: int, subject: int, about: _Noun | None) -> str:
    """Return the subject, and the auxiliaries, that a verb takes from the verb it is joined to."""
    text = about.text if about else tree.tokens[subject].text
    above = _first_joined(tree, head)
    if tree.tokens[head].tag not in {"VB", "VBN", "VBG"} or tree.below(head, *_AUXILIARIES):
        return text
    return " ".join([text, *(tree.tokens[i].text for i in tree.below(above, "aux", "auxpass"))])


def _trimmed(tree: _Tree, head: int, places: Sequence[int]) -> list[int]:
    """Drop what ties a clause to others: conjunctions and openers at its start, punctuation at its edges."""
    kept = list(places)
    split = tree.tokens[head].dep == "advcl"
    marks = {i for i in tree.below(head, "mark") if split or tree.lower(i) in {"because", "since"}}
    while kept and (tree.tokens[kept[0]].dep in {"cc", "punct"} or kept[0] in marks or tree.lower(kept[0]) in _OPENERS):
        kept.pop(0)
    while kept and tree.tokens[kept[-1]].dep == "punct" and tree.lower(kept[-1]) not in {'"', "'", "”", "’", ")"}:
        kept.pop()
    edges = {a for a, b in zip(kept, kept[1:], strict=False) if b != a + 1}
    edges |= {b for a, b in zip(kept, kept[1:], strict=False) if b != a + 1}
    return [i for i in kept if i not in edges or not (tree.lower(i) == "," or tree.tokens[i].dep == "cc")]


def _joined(tree: _Tree, places: Sequence[int], swaps: Mapping[int, str]) -> str:
    text = ""
    for n, i in enumerate(places):
        apart = n and (places[n - 1] != i - 1 or tree.tokens[i - 1].end < tree.tokens[i].start)
        text += (" " if apart else "") + swaps.get(i, tree.tokens[i].text)
    return text


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(" ,;:–—-.")


def _spans(tree: _Tree, places: Sequence[int]) -> Iterator[Span]:
    """Yield the stretches of the answer that the words fill."""
    first = None
    for n, i in enumerate(places):
        first = tree.tokens[i].start if first is None else first
        if n + 1 == len(places) or places[n + 1] != i + 1:
            yield Span(tree.answer, first, tree.tokens[i].end)
            first = None


def _names(tree: _Tree, places: Sequence[int]) -> tuple[str, ...]:
    """Return the names and the years of a clause, in order."""
    names: list[str] = []
    for n, i in enumerate(places):
        token = tree.tokens[i]
        if token.pos == "PROPN" and token.text[0].isupper() and token.entity != "DATE":
            follows = n and places[n - 1] == i - 1 and tree.tokens[i - 1].pos == "PROPN"
            names = [*names[:-1], f"{names[-1]} {token.text}"] if follows and names else [*names, token.text]
        elif re.fullmatch(r"1\d{3}|20\d{2}", token.text):
            names.append(token.text)
    return tuple(dict.fromkeys(names))


def _listed(tree: _Tree, places: Sequence[int]) -> tuple[str, ...]:
    """Return the names of a list of three or more, or nothing."""
    for i in places:
        if tree.tokens[i].pos == "PROPN" and tree.tokens[i].dep != "conj":
            chain = [i]
            while following := tree.below(chain[-1], "conj"):
                chain.append(following[0])
            if len(chain) > 2 and all(tree.tokens[c].pos == "PROPN" for c in chain):
                return tuple(_phrase_alone(tree, c) for c in chain)
    return ()


def _phrase_alone(tree: _Tree, i: int) -> str:
    return tree.words([*tree.below(i, "compound"), i])


def _kind(tree: _Tree, places: Sequence[int], head: int) -> str:
    words = {tree.lower(i) for i in places}
    if _listed(tree, places):
        return "who"
    if words & {"because", "since", "due", "owing"} or tree.tokens[head].dep == "advcl":
        return "why"
    return "how" if words & {"by", "so", "through", "until", "making", "using"} else "what"


# --- sifting ---------------------------------------------------------------------------------------------------------


def _sift(question: str, claims: Iterable[_Claim]) -> tuple[dict[_Claim, tuple[Span, ...]], list[LeftOut]]:
    """Keep claims that say something new, with the spans of those that say it again in another answer."""
    kept: dict[_Claim, tuple[Span, ...]] = {}
    left_out: list[LeftOut] = []
    asked = content_stems(question)
    for claim in claims:
        same = _same(claim, kept)
        reason = _reason(claim, asked)
        if same and not reason and claim.spans[0].answer != same.spans[0].answer:
            kept[same] += claim.spans
        elif reason or same:
            left_out += [LeftOut(span, reason or REPEATS) for span in claim.spans]
        else:
            kept[claim] = claim.spans
    return kept, left_out


def _same(claim: _Claim, kept: Iterable[_Claim]) -> _Claim | None:
    def likeness(other: _Claim) -> float:
        return len(claim.stems & other.stems) / max(1, len(claim.stems | other.stems))

    best = max(kept, key=likeness, default=None)
    return best if best and likeness(best) >= SAME else None


def _reason(claim: _Claim, asked: set[str]) -> str:
    """Return why a claim is no point, or nothing."""
    if not claim.verbal or not claim.inner:
        return NO_CLAIM
    new = claim.stems - asked - _GENERAL
    if len(new) <= 1 and len(claim.stems & asked) > len(new):
        return RESTATES
    return TOO_GENERAL if len(new) <= 1 else ""


# --- wording ---------------------------------------------------------------------------------------------------------


def _points(question: str, kept: Mapping[_Claim, tuple[Span, ...]]) -> Iterator[DraftedPoint]:
    asked = content_stems(question)
    ids: set[str] = set()
    for claim, spans in kept.items():
        id = _slug(claim, asked, ids)
        ids.add(id)
        point = RequiredPoint(id, claim.statement, _credit(claim, asked), _no_credit(claim))
        yield DraftedPoint(replace(point, hint=_hint(claim, point, question)), spans)


def _slug(claim: _Claim, asked: set[str], taken: set[str]) -> str:
    """Return up to three telling words of a claim as an id that is not taken."""
    plain = unicodedata.normalize("NFKD", claim.inner).encode("ascii", "ignore").decode().lower()
    telling = [w for w in re.findall(r"[a-z]+", plain) if content_stems(w) - asked - _GENERAL and len(w) > 2]
    base = "_".join(list(dict.fromkeys(telling))[:3]) or "point"
    numbered = (base if n == 1 else f"{base}_{n}" for n in range(1, len(taken) + 2))
    return next(id for id in numbered if id not in taken)


def _credit(claim: _Claim, asked: set[str]) -> str:
    """Word what earns a point, with the names to be named and the dates that help; those of the question go without."""
    if claim.listed:
        return f"Names any {_enough(claim)} of {_series(claim.listed)}, and says of them: {claim.shared}."
    new = [n for n in claim.names if content_stems(n) - asked or n.isdigit()]
    names, dates = [n for n in new if not n.isdigit()], [n for n in new if n.isdigit()]
    parts = [f"Says, in any words, that {claim.inner}"]
    parts += [f"names {_series(names)}"] if names else []
    parts += [f"the date {_series(dates)} helps but is not needed"] if dates else []
    return "; ".join(parts) + "."


def _enough(claim: _Claim) -> int:
    return max(2, len(claim.listed) // 2)


def _no_credit(claim: _Claim) -> str:
    if claim.listed:
        return f"Names fewer than {_enough(claim)} of them, or names them without saying what is true of them."
    topic = claim.about.text if claim.about else _series(claim.names) or "the topic"
    return f"Only mentions {topic}, {_LACKING[claim.kind]}."


_LACKING = {
    "who": "without names",
    "why": "without the reason",
    "how": "without saying how or with what result",
    "what": "without saying what is true of it here",
}


def _hint(claim: _Claim, point: RequiredPoint, question: str) -> str:
    """Ask for the kind of thing that is missing, in the first of several wordings that does not give it away."""
    asked = f"“{' '.join(question.split())}”"
    tried = [*_questions_about(claim.about, claim.kind), f"{_ASKS[claim.kind]} Read again: {asked}", _ASKS[claim.kind]]
    hints = (replace(point, hint=h) for h in tried)
    return next((p.hint for p in hints if not authoring.gives_away(p, question)), "")


_ASKS = {
    "who": "Who should be named here?",
    "why": "For what other reason?",
    "how": "How, and with what result?",
    "what": "What else belongs here?",
}


def _questions_about(noun: _Noun | None, kind: str) -> list[str]:
    if noun is None or kind == "who":
        return []
    if kind == "why":
        return [f"Why? What have you left unsaid about {noun.text}?"]
    if kind == "how":
        return [f"In what way {'do' if noun.plural else 'does'} {noun.text} matter here, and with what result?"]
    return [f"What did {noun.text} do?" if noun.person else f"What is there to say about {noun.text}?"]


def _series(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1] if names else ""]))
