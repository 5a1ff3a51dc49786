"""Seeded trees for the filesystem benchmarks: `make_tree.py DEST [--files 50000] [--seed 7] [--flat 10000]`.

Under DEST:
  repo/   a project of about --files files: packages/*/src (tracked), many node_modules, dist, __pycache__ and build
          folders, nested .gitignore files, a .git with loose objects; CRLF, BOM, latin-1, binary, empty and long-line
          files, names with blanks and accents, links inside, outside and in a circle.
  flat/   one folder of --flat small files.
  sized/  1k.txt, 1m.txt, 50m.txt (exact sizes, ASCII lines) and edit.txt (1 MB).
The same arguments make the same names and bytes. Prints a JSON line with the counts.
"""

import argparse
import contextlib
import json
import os
import random
from collections import Counter
from pathlib import Path

WORDS = [
    "alpha", "beta", "gamma", "delta", "index", "main", "utils", "config", "server", "client", "parser", "token",
    "render", "stream", "buffer", "cache", "queue", "worker", "model", "schema", "route", "handler", "logger",
    "metric", "test", "mock", "build",
]  # fmt: skip
SOURCE_ENDINGS = [".py", ".ts", ".tsx", ".js", ".json", ".md", ".css", ".go", ".rs"]
MODULE_ENDINGS = [".js", ".d.ts", ".json", ".map", ".md", ".mjs"]
ROOT_IGNORE = "node_modules/\ndist/\n__pycache__/\n*.log\n/build/\n!keep.log\n.env\n*.tmp\n"
NEEDLE = "needle_TODO_fixme_42 = true"
MODULE_FOLDERS = ("lib", "dist", "esm", "cjs", "src")
SIZES = (("1k.txt", 1 << 10), ("1m.txt", 1 << 20), ("50m.txt", 50 << 20), ("edit.txt", 1 << 20))


class Project:
    """Writes the project. The order of the calls is part of the seed."""

    def __init__(self, root: str, files: int, seed: int) -> None:
        self.root, self.files = root, files
        self.counts: Counter[str] = Counter()
        self._rng = random.Random(seed)
        self._made: set[str] = set()
        self._packages = max(1, int(files * 0.20) // 250)

    def write(self) -> None:
        """All of it."""
        self._top()
        folders = self._package_folders()
        self._sources(folders)
        self._modules()
        self._outputs()
        self._objects()
        self._odd()

    def _put(self, path: str, data: bytes, *, ignored: bool) -> None:
        folder = os.path.dirname(path)
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)
            self._made.add(folder)
        with open(path, "wb") as file:
            file.write(data)
        self.counts["files"] += 1
        self.counts["bytes"] += len(data)
        self.counts["ignored" if ignored else "tracked"] += 1

    def _body(self, lines: int, needle: str | None = None) -> bytes:
        rng = self._rng
        made: list[str] = []
        for _ in range(lines):
            indent = "    " * rng.randrange(3)
            made.append(indent + " ".join(rng.choice(WORDS) for _ in range(rng.randrange(2, 11))))
        if needle and made:
            made[rng.randrange(len(made))] = needle
        return ("\n".join(made) + "\n").encode()

    def _name(self, ending: str) -> str:
        rng = self._rng
        return f"{rng.choice(WORDS)}_{rng.choice(WORDS)}_{rng.randrange(10**6):06d}{ending}"

    def _top(self) -> None:
        self._put(f"{self.root}/.gitignore", ROOT_IGNORE.encode(), ignored=False)
        self._put(f"{self.root}/package.json", b'{"name":"synthetic","private":true}\n', ignored=False)
        self._put(f"{self.root}/keep.log", b"kept by negation\n", ignored=False)
        self._put(f"{self.root}/debug.log", b"ignored\n", ignored=True)
        self._put(f"{self.root}/.env", b"SECRET=1\n", ignored=True)

    def _package_folders(self) -> list[str]:
        rng = self._rng
        folders: list[str] = []
        for number in range(self._packages):
            base = f"{self.root}/packages/pkg{number:03d}"
            for depth in range(1, 6):
                way = "".join(f"/{rng.choice(WORDS)}{rng.randrange(9)}" for _ in range(depth))
                folders.append(f"{base}/src{way}")
            if number % 5 == 0:
                self._put(f"{base}/.gitignore", b"generated/\n*.gen.ts\n", ignored=False)
                self._put(f"{base}/src/api.gen.ts", b"// ignored by nested rule\n", ignored=True)
        return folders

    def _sources(self, folders: list[str]) -> None:
        rng = self._rng
        for index in range(int(self.files * 0.20)):
            needle = NEEDLE if index % 200 == 0 else None
            self.counts["needles"] += needle is not None
            path = f"{rng.choice(folders)}/{self._name(rng.choice(SOURCE_ENDINGS))}"
            self._put(path, self._body(rng.randrange(5, 220), needle), ignored=False)

    def _modules(self) -> None:
        rng = self._rng
        left = int(self.files * 0.62)
        while left > 0:
            package = rng.randrange(self._packages)
            near = rng.random() < 0.4
            module = f"{self.root}/packages/pkg{package:03d}/node_modules" if near else f"{self.root}/node_modules"
            scope = f"@scope{rng.randrange(20)}/" if rng.random() < 0.3 else ""
            module += f"/{scope}{rng.choice(WORDS)}-{rng.choice(WORDS)}{rng.randrange(400)}"
            below = ["", *(self._way() for _ in range(rng.randrange(1, 6)))]
            for _ in range(min(left, rng.randrange(10, 90))):
                folder = rng.choice(below)
                needle = NEEDLE if left % 400 == 0 else None
                self.counts["needles_ignored"] += needle is not None
                path = f"{module}{folder}/{self._name(rng.choice(MODULE_ENDINGS))}"
                self._put(path, self._body(rng.randrange(1, 60), needle), ignored=True)
                left -= 1

    def _way(self) -> str:
        rng = self._rng
        parts: list[str] = []
        for _ in range(rng.randrange(1, 4)):
            choices = (*MODULE_FOLDERS, f"node_modules/{rng.choice(WORDS)}")
            parts.append(f"/{rng.choice(choices)}")
        return "".join(parts)

    def _outputs(self) -> None:
        rng, packages = self._rng, self._packages
        for index in range(int(self.files * 0.12)):
            kind = rng.choice(("dist", "__pycache__", "generated"))
            package = (index * 5) % (packages * 5) // 5
            if kind == "generated":
                package = rng.randrange((packages + 4) // 5) * 5
            name = self._name(".pyc" if kind == "__pycache__" else ".js")
            path = f"{self.root}/packages/pkg{package:03d}/{kind}/{name}"
            self._put(path, self._body(rng.randrange(1, 40)), ignored=True)

    def _objects(self) -> None:
        rng = self._rng
        for _ in range(int(self.files * 0.06)):
            name = f"{rng.getrandbits(160):040x}"
            path = f"{self.root}/.git/objects/{name[:2]}/{name[2:]}"
            self._put(path, rng.randbytes(rng.randrange(40, 400)), ignored=True)
        self._put(f"{self.root}/.git/HEAD", b"ref: refs/heads/main\n", ignored=True)

    def _odd(self) -> None:
        odd = f"{self.root}/odd"
        contents: dict[str, bytes] = {
            "crlf.txt": b"one\r\ntwo\r\nthree\r\n",
            "mixed.txt": b"one\r\ntwo\nthree\r\n",
            "bom.txt": "\ufeffhello\n".encode(),
            "utf16.txt": "hello world\n".encode("utf-16"),
            "latin1.txt": "caf\u00e9 na\u00efve\n".encode("latin-1"),
            "empty.txt": b"",
            "no_newline.txt": b"last line without newline",
            "longline.js": b"x" * (2 << 20),
            "binary.bin": self._rng.randbytes(65536),
            "nul_late.txt": b"text\n" * 4000 + b"\0\0",
            "sp ace \u00e9\u4e16\u754c.txt": b"name\n",
            "nfd_e\u0301.txt": b"decomposed\n",
            "cjk.txt": ("\u754c" * 400 + "\n").encode() * 50,
        }
        for name, data in contents.items():
            self._put(f"{odd}/{name}", data, ignored=False)
        with contextlib.suppress(OSError):  # not every system takes such a name
            self._put(f"{odd}/{os.fsdecode(b'bad_' + bytes((255, 254)) + b'.txt')}", b"non-utf8 name\n", ignored=False)
        links = {
            "link_in.txt": "crlf.txt", "link_dir": "../packages", "loop": "loop", "dangling": "missing",
            "link_out": "/etc",
        }  # fmt: skip
        for name, target in links.items():
            os.symlink(target, f"{odd}/{name}")


def write_flat(folder: Path, count: int) -> None:
    """Many small files beside each other."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        (folder / f"file_{index:06d}_{WORDS[index % len(WORDS)]}.txt").write_bytes(b"x" * (index % 97))


def write_sized(folder: Path) -> None:
    """Files of exact sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in SIZES:
        lines: list[str] = []
        number = total = 0
        while total < size:
            lines.append(f"{number:08d} " + " ".join(WORDS[(number + k) % len(WORDS)] for k in range(9)) + "\n")
            total += len(lines[-1])
            number += 1
        (folder / name).write_bytes("".join(lines).encode()[:size])


def main() -> None:
    """Writes what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dest", type=Path)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--flat", type=int, default=10_000)
    parser.add_argument("--no-sized", action="store_true")
    options = parser.parse_args()
    root = options.dest / "repo"
    root.mkdir(parents=True)
    project = Project(str(root), options.files, options.seed)
    project.write()
    project.counts["dirs"] = sum(len(folders) for _, folders, _ in os.walk(root))
    if options.flat:
        write_flat(options.dest / "flat", options.flat)
    if not options.no_sized:
        write_sized(options.dest / "sized")
    print(json.dumps(project.counts))


if __name__ == "__main__":
    main()
