"""``python -m netviz``."""

from netviz.cli import program

if __name__ == "__main__":
    program()
