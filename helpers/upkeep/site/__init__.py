"""The solved course as a web site, made by Sphinx, MyST-NB and Furo: it works from disk, and fetches nothing from anywhere.

    outputs      solutions with their outputs, run once
    quiz_page    a question that answers clicks without a kernel
    pages        the pages as Sphinx reads them
    links        every link of the built site, followed
    build        all of it, by ``python -m helpers site``
    conf         Sphinx's settings; static/ has the site's own style and scripts
"""
