"""A PDF that is handed out while it is drawn, so that its length costs no memory."""

from io import BytesIO
from threading import Lock
from typing import Any

from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas

from printing.letters import load_fonts

# Fonts are read once for all threads; cutting out the letters that were used moves a mark in them.
_CUTTING = Lock()


class PdfFile:
    """A PDF whose pages leave memory as soon as they are done.

    reportlab keeps every page until the end and then writes them all at once. A page
    refers to fonts and page tree by their numbers, so that it can be written first: here
    each is written when it is closed, and what the whole needs at the end.
    """

    def __init__(self, size: tuple[float, float], *, title: str, author: str, language: str) -> None:
        load_fonts()
        self.canvas: Any = Canvas(BytesIO(), pagesize=size, pageCompression=1, lang=language)
        self.canvas.setTitle(title)
        self.canvas.setAuthor(author)
        self.canvas.setCreator("Hotel voucher portal")
        # What is cut out later has to have its size.
        self.canvas.setViewerPreference("PrintScaling", "None")
        self._document: Any = self.canvas._doc
        self._out: Any = pdfdoc.PDFFile(self._document._pdfVersion)

    def end_page(self) -> bytes:
        """Close the page and return its bytes."""
        self.canvas.showPage()
        page = self._document.Pages.pages.pop()
        name = page.__InternalName__
        self._write(name)
        self._write(page.Contents.__InternalName__)
        self._document.Pages.pages.append(pdfdoc.PDFObjectReference(name))
        return self._taken()

    def end(self) -> bytes:
        """Close the file and return the rest of its bytes: fonts, page tree, table of contents."""
        document = self._document
        with _CUTTING:
            for font in document.delayedFonts:
                font.addObjects(document)
        document.Outlines.prepare(document, self.canvas)
        document.Catalog.Outlines = None
        catalog, info = document.Reference(document.Catalog), document.Reference(document.info)
        names: list[str] = []
        # Writing an object may number more of them.
        while (name := document.numberToId.get(len(names) + 1)) is not None:
            if name not in document.idToOffset:
                self._write(name)
            names.append(name)
        table = pdfdoc.PDFCrossReferenceTable()
        table.addsection(0, names)
        start = self._out.add(table.format(document))
        trailer = pdfdoc.PDFTrailer(
            startxref=start, Size=len(names) + 1, Root=catalog, Info=info, ID=document.ID()
        )
        self._out.add(trailer.format(document))
        return self._taken()

    def _write(self, name: str) -> None:
        """Write an object and let go of it."""
        content = self._document.idToObject[name]
        written = pdfdoc.PDFIndirectObject(name, content).format(self._document)
        self._document.idToOffset[name] = self._out.add(written)
        if isinstance(content, pdfdoc.PDFPage | pdfdoc.PDFStream):
            self._document.idToObject[name] = None

    def _taken(self) -> bytes:
        data = b"".join(self._out.strings)
        self._out.strings.clear()
        return data
