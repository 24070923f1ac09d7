"""A digest as a PDF of A4 pages.

It is written in Helvetica, which every reader has, so that it looks the same on a machine without fonts. Helvetica
knows Western European letters only: others lose their accents (ł, ř), and what is left (Chinese, emoji) becomes "?";
the HTML has all of it as it is.
"""

from __future__ import annotations

import unicodedata

from runner.domain.digests import Digest
from runner.notices import digest_words
from runner.notices.digest_page import drawn
from runner.notices.digest_words import Chart, Figure, Table

INK, SOFT, LINE, BOX = (28, 36, 48), (90, 102, 117), (221, 225, 231), (245, 246, 248)
TONES = {"a": (47, 111, 222), "b": (18, 165, 148), "bad": (200, 55, 45), "good": (26, 127, 75), "plain": INK}
LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "ı": "i", "‐": "-", "‑": "-", "−": "-", "\u202f": " "}
)
LEFT, WIDTH = 18.0, 174.0


def written(text: str) -> str:
    """The text in letters that Helvetica has."""
    made = []
    for letter in text.translate(LETTERS):
        plain = letter
        if not _has(letter):
            # Its accents away, and what only joins or varies another letter (a skin tone) with them.
            plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if not _joins(c))
            plain = "".join(c if _has(c) else "?" for c in plain)
        made.append(plain)
    return "".join(made)


def _has(letter: str) -> bool:
    if unicodedata.category(letter) in ("Cc", "Cf", "Cs"):
        return False
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _joins(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Me", "Cf", "Cc", "Sk")


def as_pdf(digest: Digest) -> bytes:
    """The whole document."""
    # Most commands draw no digest, and need not wait for what draws it.
    from fpdf import FPDF

    page = FPDF(format="A4")
    page.core_fonts_encoding = "windows-1252"
    page.set_title(written(digest.title))
    page.set_creator("runner")
    page.set_creation_date(digest.made_at)
    page.set_auto_page_break(True, margin=18)
    page.set_margins(LEFT, 16, LEFT)
    page.c_margin = 0
    page.add_page()
    sheet = _Sheet(page)
    sheet.heading(digest.title, size=17)
    sheet.figures(digest_words.figures(digest))
    for chart in digest_words.charts(digest):
        sheet.chart(chart)
    for table in digest_words.tables(digest):
        sheet.table(table)
    page.ln(4)
    sheet.text(digest_words.foot(digest), size=8)
    return bytes(page.output())


class _Sheet:
    """Draws from above to below, on a page of fpdf2's."""

    def __init__(self, page: object) -> None:
        from fpdf import FPDF

        assert isinstance(page, FPDF)
        self._page = page

    def heading(self, text: str, *, size: int = 11) -> None:
        self._page.set_font("Helvetica", "B", size)
        self._page.set_text_color(*INK)
        self._page.multi_cell(WIDTH, size * 0.5, written(text), new_x="LMARGIN", new_y="NEXT")
        self._page.ln(2)

    def text(self, text: str, *, size: int = 9) -> None:
        self._page.ln(1)
        self._page.set_font("Helvetica", "", size)
        self._page.set_text_color(*SOFT)
        self._page.multi_cell(WIDTH, size * 0.5, written(text), new_x="LMARGIN", new_y="NEXT")

    def figures(self, found: tuple[Figure, ...]) -> None:
        across, gap, high = 4, 4.0, 19.0
        wide = (WIDTH - gap * (across - 1)) / across
        top = self._page.get_y() + 1
        for number, each in enumerate(found):
            x, y = LEFT + (wide + gap) * (number % across), top + (high + gap) * (number // across)
            self._page.set_fill_color(*BOX)
            self._page.set_draw_color(*LINE)
            self._page.rect(x, y, wide, high, style="DF", round_corners=True, corner_radius=2)
            for at, size, bold, tone, text in (
                (2.2, 7.5, "", SOFT, each.name),
                (6.2, 13, "B", TONES[each.tone], each.value),
                (13, 7.5, "", SOFT, each.hint),
            ):
                self._page.set_xy(x + 2, y + at)
                self._page.set_font("Helvetica", bold, size)
                self._page.set_text_color(*tone)
                self._page.cell(wide - 4, 4 if size < 10 else 6, self._fitted(text, wide - 4))
        self._page.set_xy(LEFT, top + (high + gap) * -(-len(found) // across))

    def chart(self, chart: Chart) -> None:
        high = 38.0
        self._room(high + 16)
        self._page.ln(4)
        self.heading(chart.title)
        self._legend(chart)
        top = self._page.get_y()
        made = drawn(chart, width=WIDTH, height=high, left=10, bottom=6, top=3)
        self._page.set_draw_color(*LINE)
        self._page.set_text_color(*SOFT)
        self._page.set_font("Helvetica", "", 7)
        for y, value in made.lines:
            self._page.line(LEFT + 10, top + y, LEFT + WIDTH, top + y)
            self._page.set_xy(LEFT, top + y - 2)
            self._page.cell(8.5, 4, value, align="R")
        for bar in made.bars:
            self._page.set_fill_color(*TONES[bar.tone])
            self._page.rect(LEFT + bar.x, top + bar.y, bar.width, bar.height, style="F")
        for x, text in made.labels:
            self._page.set_xy(LEFT + x - 6, top + high - 5.5)
            self._page.cell(12, 4, written(text), align="C")
        self._page.set_xy(LEFT, top + high)

    def table(self, table: Table) -> None:
        self._room(24)
        self._page.ln(4)
        self.heading(table.title)
        if not table.rows:
            self.text(table.empty)
            return
        numbers = min(table.numbers_from, len(table.columns))
        self._page.set_font("Helvetica", "", 8.5)
        self._page.set_text_color(*INK)
        self._page.set_draw_color(*LINE)
        self._page.set_fill_color(255, 255, 255)
        with self._page.table(
            width=round(WIDTH),
            align="LEFT",
            col_widths=_widths(table),
            text_align=tuple("LEFT" if at < numbers else "RIGHT" for at in range(len(table.columns))),
            borders_layout="HORIZONTAL_LINES",
            line_height=4.6,
            padding=0.8,
        ) as drawn_table:
            for row in (table.columns, *table.rows):
                drawn_table.row([written(cell) for cell in row])
        if table.more:
            self.text(table.more)

    def _legend(self, chart: Chart) -> None:
        y = self._page.get_y()
        x = LEFT
        self._page.set_font("Helvetica", "", 8)
        self._page.set_text_color(*SOFT)
        for series in chart.series:
            self._page.set_fill_color(*TONES[series.tone])
            self._page.rect(x, y + 0.8, 2.4, 2.4, style="F")
            self._page.set_xy(x + 3.4, y)
            self._page.cell(20, 4, written(series.name))
            x += 26
        self._page.set_xy(LEFT, y + 5)

    def _room(self, high: float) -> None:
        """A new page where what comes would be torn."""
        if self._page.get_y() + high > self._page.page_break_trigger:
            self._page.add_page()

    def _fitted(self, text: str, wide: float) -> str:
        plain = written(text)
        while plain and self._page.get_string_width(plain) > wide:
            plain = plain[:-1]
        return plain


def _widths(table: Table) -> tuple[int, ...]:
    if table.numbers_from == 1:
        return (4, *(1 for _ in table.columns[1:]))
    return (3, 2, 10) if table.numbers_from > len(table.columns) else (3, 11, 1)
