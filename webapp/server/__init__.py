"""Serves the site: from the command line to the process that answers.

`command` is `python -m webapp`. It makes a `plan` (settings, models, the chosen version) and hands
it to `with_gunicorn`, or on Windows to `with_waitress`. Only `webapp/__main__.py` imports this
folder; other WSGI servers and `flask run` need `webapp.create_app` alone.
"""
