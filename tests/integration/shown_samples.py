# SPDX-License-Identifier: MIT
"""Compares what documents show of files, frames and the log with what the program makes."""
import re

import shown_commands

CRC32C = 0x82F63B78


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CRC32C if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return value


def frame(bench, item):
    """A frame from a source to its dead letters: its CRCs fit, and so does its contract."""
    data = bytes.fromhex(item.text.replace("\n", " "))
    if data[:4] != b"BHFR" or crc32c(data[:60]) != int.from_bytes(data[60:], "little"):
        return "the CRC of the header does not fit"
    if crc32c(b"") != int.from_bytes(data[52:56], "little"):
        return "the CRC of the body does not fit"
    fields = dead_letter_fields(bench)
    fingerprint = fnv1a("".join(f"{name}:{kind}\n" for name, kind in fields).encode())
    if fingerprint != int.from_bytes(data[40:48], "little"):
        return f"the contract has another fingerprint, {fingerprint:#x}"
    document = (bench.root / item.document).read_text(encoding="utf-8")
    return "" if f"{fingerprint:#x}" in document else f"the text names another fingerprint than {fingerprint:#x}"


def dead_letter_fields(bench):
    code, said = bench.run("bulkhead check --print velocity-limits.yaml", bench.new_place())
    line = next(line for line in said.splitlines() if line.startswith("loads.dead -> dead-letters"))
    return re.findall(r"(\w+): ([\w()]+)", line[line.index("{") :])


def contract(bench, item):
    fields = dead_letter_fields(bench)
    made = [f"{name}:{kind}" for name, kind in fields]
    return "" if made == item.lines else f"the program says {made}"


def names_of_links(bench, item):
    """Every name in links/ has the form of one of the lines, and every line is the form of one."""
    place = bench.new_place()
    code, said = bench.run(f"{shown_commands.PROLOGUE}\nbegin_run --quiet; ls states/bulkhead/*/links; end_run", place)
    forms = [re.compile(re.sub(r"[A-Z_]+", r"\\d+", line.replace(".", r"\."))) for line in item.lines]
    names = said.split()
    strange = [name for name in names if not any(form.fullmatch(name) for form in forms)]
    unseen = [form.pattern for form in forms if not any(form.fullmatch(name) for name in names)]
    return f"others: {strange}, not there: {unseen}" if strange or unseen else ""


def schemas(bench, item):
    """Every line is the schema of a store of the ready topology that it names."""
    place = bench.new_place()
    bench.run("bulkhead run --quiet --inline velocity-limits.yaml", place)
    for line in item.lines:
        stage = line.split(" ")[0].partition("/")[2]
        files = list(place.glob(f"states/bulkhead/*/stages/{stage}/store.*"))
        if not files or not all(line.encode() in path.read_bytes() for path in files):
            return f"the files of '{stage}' have another schema"
    return ""


def manifest_line(bench, item):
    place = bench.new_place()
    bench.run("bulkhead run --quiet --inline velocity-limits.yaml", place)
    made = (place / "states/bulkhead/velocity-limits/manifest").read_text(encoding="utf-8")
    return "" if item.text in made.splitlines() else f"the manifest has: {made}"


def version_line(bench, item):
    place = bench.new_place()
    bench.run("bulkhead run --quiet --inline velocity-limits.yaml", place)
    path, = place.glob("states/bulkhead/velocity-limits/versions/*/version")
    made = path.read_text(encoding="utf-8")
    return "" if item.text in made.splitlines() else f"the text of a version is: {made}"


def head_of_plan(bench, item):
    """The first lines of a plan of velocity-limits with its next number and another limit."""
    code, said = bench.run("""bulkhead run --quiet --inline velocity-limits.yaml >run.out
sed -i -e 's/^version: 1/version: 2/' -e 's/sum: 5000.00/sum: 4000.00/' velocity-limits.yaml
bulkhead plan velocity-limits.yaml""", bench.new_place())
    return "" if code == 0 and said.startswith(f"{item.text}\n") else f"exit code {code}; the plan is: {said}"


def log_lines(bench, item):
    """A stage that is sent that signal makes such lines; one may be broken, and goes on indented."""
    text = re.sub(r"\n +", " ", item.text)
    stage, signal = re.search(r"([a-z]+): SIG([A-Z]+)", text).groups()
    code, said = bench.run(f"""{shown_commands.PROLOGUE}
begin_run
pid_of() {{ bulkhead status --json | sed -n 's/.*{{"stage":"{stage}",[^}}]*"pid":\\([0-9]*\\),.*/\\1/p'; }}
pid=$(pid_of)
kill -{signal} "$pid"
until now=$(pid_of); [ -n "$now" ] && [ "$now" != "$pid" ]; do sleep 0.01; done
end_run
cat run.err""", bench.new_place())
    form = re.sub(r"^[\d-]+T[\d:.]+Z", "TIME", text, flags=re.M)
    made = re.sub(r"^[\d-]+T[\d:.]+Z", "TIME", said, flags=re.M)
    return "" if form in made else f"the log is: {said}"


def json_lines(bench, item):
    """Every line is one of the sample of velocity-limits, of its answers, or of its dead letters."""
    place = bench.new_place()
    bench.run("bulkhead run --quiet --inline velocity-limits.yaml", place)
    made = [place / "velocity-limits.sample.jsonl", place / "answers.jsonl",
            place / "states/bulkhead/velocity-limits/dead-letters.jsonl"]
    lines = {line for path in made for line in path.read_text(encoding="utf-8").splitlines()}
    strange = [line for line in item.lines if line not in lines]
    return f"nothing has these lines: {strange}" if strange else ""


def chaos_report(bench, item):
    """A report of chaos. Lines may be left out, and the numbers are of another run. Where all that was
    killed was killed again too soon, the times of recovery are not measured.
    """
    def form(text):
        text = re.sub(r"(?<=: )\s*(?:p50 .*|not measured)", " measured or not", text)
        return {re.sub(r" +", " ", re.sub(r"[\d,.]+", "N", line)) for line in text.splitlines() if line.strip()}

    code, said = bench.run("bulkhead chaos --quiet --kills 20 velocity-limits.yaml", bench.new_place())
    strange = sorted(form(item.text) - form(said))
    return f"the report has no such lines: {strange}; it is: {said}" if code != 0 or strange else ""


KNOWN = (
    (re.compile(r"\{\""), json_lines),
    (re.compile(r"target +kills|verdict: "), chaos_report),
    (re.compile(r"[0-9a-f]{2}( +[0-9a-f]{2})+$", re.M), frame),
    (re.compile(r"seq:int$", re.M), contract),
    (re.compile(r"EDGE-"), names_of_links),
    (re.compile(r"[\w-]+/[\w-]+ [a-z.]+ \d "), schemas),
    (re.compile(r"bulkhead state \d"), manifest_line),
    (re.compile(r"bulkhead version \d"), version_line),
    (re.compile(r"[\w-]+: version "), head_of_plan),
    (re.compile(r"\d{4}-\d\d-\d\dT"), log_lines),
)


def problem(bench, item):
    """What is wrong with what is shown; nothing if the program makes the same."""
    for form, compare in KNOWN:
        if form.match(item.text):
            return compare(bench, item)
    return "nobody knows what this block is: teach it to tests/integration/shown*.py"
