"""The genre in the tags of sound files: read, written, put back; nothing else of a file changes.

mutagen, which knows the tags, is under the GNU GPL, version 2 or later; this project is under the
MIT licence. It is imported in this folder only, and only where tags are asked for. docs/tags.md
says what that means.
"""
