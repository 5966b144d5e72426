# SPDX-License-Identifier: MIT
"""age.py STATE FORMAT: makes of a state what a build that wrote manifests of format 1 to 3 left.

It knew no version, and no option that came later. Before 3, texts in lists were written as they are.
Before 2, a state had no number, whatever a start that was killed has made.
"""
import glob, os, re, shutil, sys
state = sys.argv[1]
def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
text = open(f"{state}/manifest").read()
version = sys.argv[2]
text, count = re.subn("^(bulkhead state )4$", rf"\g<1>{version}", text, flags=re.M)
assert count == 1, text
text = re.sub("^(crc32c|version|option records) .*\n", "", text, flags=re.M)
# A comma or backslash in a list of a test had nothing before it.
if version != "3":
    text = re.sub(r"^(option \S+\.(?:one_of|range)) (.*)$", lambda line: line[1] + " " +
                  re.sub(r"\\x5c(,|\\x5c)", r"\1", line[2]), text, flags=re.M)
if version == "1":
    text = re.sub("^state .*\n", "", text, flags=re.M)
open(f"{state}/manifest", "w").write(text + "crc32c %08x\n" % crc32c(text.encode()))
shutil.rmtree(f"{state}/versions")
if version != "1":
    sys.exit()
for claim in glob.glob(f"{state}/stages/*/state.*"):
    os.rename(claim, os.path.dirname(claim) + "/state.0123456789abcdef")
