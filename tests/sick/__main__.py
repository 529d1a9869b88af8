import sys

from . import HELD_OUT, TUNED, page, report

if "--page" in sys.argv:
    page.write()
else:
    report(HELD_OUT if "--held-out" in sys.argv else TUNED)
