"""``netviz explain``: what a word means, with a picture of it."""

from __future__ import annotations

from typing import Any

import click

from netviz.cli.options import signs

__all__ = ["explain"]


class _Word(click.ParamType[str]):
    name = "topic"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        from netviz.topic import topics

        return [CompletionItem(name, help=topic.title) for name, topic in topics().items() if name.startswith(incomplete)]


@click.command(short_help="What a word means, with a picture of it.", context_settings={"max_content_width": 110})
@click.argument("words", nargs=-1, type=_Word(), metavar="[TOPIC]")
@click.option("--list", "listed", is_flag=True, help="All topics, one a line.")
@click.option("--plain", is_flag=True, help="A line for each paragraph, no picture: for grep and screen readers.")
@signs
def explain(words: tuple[str, ...], listed: bool, plain: bool, color: str, only_ascii: bool) -> None:
    """Explain one topic: what it is, what it looks like in a capture, how to see it, and where it is laid down.

    Without a topic: all of them as a course, in the order in which to read them. The pictures are what netviz draws of its
    sample captures. A topic is found by other names as well: ping, 1005, io.on.

    \b
    Examples:
      netviz explain
      netviz explain handshake
      netviz explain 1006
      netviz explain --list
    """
    from netviz.cli.screen import screen
    from netviz.topic import course, find_topic, topics
    from netviz.views.topic import contents, list_lines, plain_topic, topic_lines

    console = screen(color, only_ascii)
    if not words or listed:
        lines = list_lines(topics().values()) if listed or plain else contents(course(), console.width)
    elif plain:
        lines = plain_topic(find_topic(" ".join(words)))
    else:
        from netviz.cli.picture import picture

        topic = find_topic(" ".join(words))
        lines = topic_lines(topic, picture(topic.picture, topic.shows, console.width), console.width)
    for line in lines:
        console.print(line, soft_wrap=True)
