#!/usr/bin/env python3
"""Writes train.tsv and test.tsv: a small Korean review corpus, for trying the pipeline out.

    python3 configs/sample/make.py        # Python 3.11 or later, nothing to install

Every sentence is put together from phrases.toml, which was written for this project; none comes from another
corpus. The same seed gives the same bytes. Many reviews hold words of both kinds, and then the order or a
negation decides ("음식은 맛있었지만 직원분이 불친절했어요" is negative, "지루하지는 않았다" is positive), so that
counting good and bad words is not enough. No text occurs twice, neither within a file nor across the two, also
when the marks at the end are left out.
"""

import random
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
SEED = 7
TRAIN_ROWS, TEST_ROWS = 2400, 400
OPPOSITE = {"good": "bad", "bad": "good"}
LABEL = {"good": "positive", "bad": "negative"}
ENDINGS = {"polite": ["어요", "어요", "습니다", "네요"], "plain": ["다", "다", "음"]}
ADVERBS = ["", "", "", "정말 ", "진짜 ", "꽤 ", "생각보다 ", "참 ", "확실히 "]
MARKS = {"good": ["!!", "~", " ㅎㅎ", " ^^"], "bad": ["...", " ㅠㅠ", " ㅡㅡ", ";;"]}


def join(noun, with_final, without_final):
    """The noun with the particle that its last syllable asks for."""
    has_final = (ord(noun[-1]) - ord("가")) % 28 != 0
    return noun + (with_final if has_final else without_final)


def topic(noun):
    return join(noun, "은", "는")


def subject(noun):
    return join(noun, "이", "가")


def bare_stem(predicate):
    """The stem for a negation, or nothing where the predicate has none."""
    past, colon, stem = predicate.partition(":")
    if colon:
        return stem
    return past[:-1] + "하" if past.endswith("했") else past[:-1]


class Review:
    """One review: the phrases of a domain, chosen for a kind ("good" or "bad") and a speech level."""

    def __init__(self, dice, domain, kind):
        self.dice, self.domain, self.kind = dice, domain, kind
        self.level = dice.choice(list(ENDINGS))
        self.one, self.two = dice.sample(domain["aspects"], 2)
        self.opening = dice.choice(domain["intros"]) + " " if dice.random() < 0.35 else ""

    def past(self, aspect, kind):
        return self.dice.choice(aspect[kind]).partition(":")[0]

    def negated(self, aspect, kind):
        """ "...지는 않았" of a predicate of `kind`: it says the opposite kind."""
        stems = [stem for stem in map(bare_stem, aspect[kind]) if stem]
        return self.dice.choice(stems) + self.dice.choice(["지는 않았", "지 않았", "진 않았"]) if stems else None

    def end(self, past):
        return past + self.dice.choice(ENDINGS[self.level])

    def verdict(self):
        polite, plain = self.dice.choice(self.domain[self.kind]).split("|")
        return polite if self.level == "polite" else plain

    def adverb(self, past):
        """An adverb before `past`, unless that is a phrase, which may have a subject or an adverb of its own."""
        return past if " " in past else self.dice.choice(ADVERBS) + past

    def mark(self):
        """What the review ends with: mostly nothing that tells the kind, and now and then the other kind's."""
        if self.dice.random() < 0.7:
            return self.dice.choice(["", "", ".", "!"])
        return self.dice.choice(MARKS[self.kind if self.dice.random() < 0.8 else OPPOSITE[self.kind]])

    def simple(self):
        return f"{subject(self.one['noun'])} {self.end(self.adverb(self.past(self.one, self.kind)))}"

    def both(self):
        first = f"{self.one['noun']}도 {self.past(self.one, self.kind)}고"
        return f"{first} {self.two['noun']}도 {self.end(self.past(self.two, self.kind))}"

    def contrast(self):
        # After an opening that ends in 는데, a second one would stumble.
        but = "지만" if self.opening else self.dice.choice(["지만", "는데"])
        first = f"{topic(self.one['noun'])} {self.past(self.one, OPPOSITE[self.kind])}{but}"
        second = self.dice.choice([topic, subject])(self.two["noun"])
        return f"{first} {second} {self.end(self.adverb(self.past(self.two, self.kind)))}"

    def contrast_verdict(self):
        first = f"{topic(self.one['noun'])} {self.past(self.one, OPPOSITE[self.kind])}지만"
        return f"{first} {self.verdict()}"

    def reason_verdict(self):
        first = f"{subject(self.one['noun'])} {self.adverb(self.past(self.one, self.kind))}"
        return f"{self.end(first)}. {self.verdict()}"

    def negation(self):
        negated = self.negated(self.one, OPPOSITE[self.kind])
        than = {"good": ["생각보다 ", "걱정한 만큼 ", ""], "bad": ["기대만큼 ", "소문만큼 ", "그렇게 ", ""]}
        return negated and f"{subject(self.one['noun'])} {self.dice.choice(than[self.kind])}{self.end(negated)}"

    def negation_contrast(self):
        negated = self.negated(self.one, self.kind)
        second = f"{topic(self.two['noun'])} {self.end(self.adverb(self.past(self.two, self.kind)))}"
        return negated and f"{subject(self.one['noun'])} {negated}지만 {second}"

    def hearsay(self):
        self.opening = ""
        said = f"{subject(self.one['noun'])} {self.past(self.one, OPPOSITE[self.kind])}다는 후기가 많던데"
        own = {"polite": ["저한테는 ", "제 기준에는 "], "plain": ["나한테는 ", "내 기준에는 "]}
        mine = self.dice.choice(["직접 겪어 보니 ", *own[self.level]])
        return f"{said} {mine}{self.end(self.past(self.one, self.kind))}"

    def opened_verdict(self):
        self.opening = self.dice.choice(self.domain["intros"]) + " "
        return self.verdict()

    def text(self):
        """The whole review but its mark, or nothing where the dice chose phrases that do not go together."""
        shapes = [self.simple, self.both, self.contrast, self.contrast, self.contrast_verdict, self.reason_verdict]
        shapes += [self.negation, self.negation_contrast, self.hearsay, self.opened_verdict]
        body = self.dice.choice(shapes)()
        return body and self.opening + body


def reviews(rows):
    """Yields (text, label), as many of each label. No two differ in their mark alone."""
    dice = random.Random(SEED)
    domains = tomllib.loads((HERE / "phrases.toml").read_text(encoding="utf-8"))["domain"]
    seen = set()
    while len(seen) < rows:
        kind = "good" if len(seen) % 2 == 0 else "bad"
        review = Review(dice, dice.choice(domains), kind)
        text = review.text()
        if text and text not in seen:
            seen.add(text)
            yield text + review.mark(), LABEL[kind]


def write(name, rows):
    lines = ["id\ttext\tlabel"] + [f"{name}-{i:04}\t{text}\t{label}" for i, (text, label) in enumerate(rows)]
    (HERE / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    rows = list(reviews(TRAIN_ROWS + TEST_ROWS))
    write("train", rows[:TRAIN_ROWS])
    write("test", rows[TRAIN_ROWS:])


if __name__ == "__main__":
    main()
