"""A process that draws one SVG and is gone: ``python svg_process.py SIDE CPU_SECONDS MEMORY_BYTES``, SVG in, PNG out.

It imports nothing of this project, opens no file once it has begun, and dies at its limits: what a renderer does with
a hostile drawing (loop, allocate, crash) stays in here.
"""

import resource
import sys


def _draw() -> None:
    import resvg_py

    side, cpu_s, memory_bytes = (int(argument) for argument in sys.argv[1:])
    svg = sys.stdin.buffer.read().decode("utf-8")
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # no file and no connection can be opened from here on
    try:
        # both sides given: a drawing a million times as high as it is wide stays within the square
        png = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True)
    except ValueError as error:
        sys.stderr.write(str(error))
        sys.exit(2)
    sys.stdout.buffer.write(bytes(png))


if __name__ == "__main__":
    _draw()
