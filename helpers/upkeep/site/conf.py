"""Sphinx's settings for the site; read by Sphinx alone, from a copy beside the pages."""

project = "Fine-tuning pre-trained models"
html_title = project
extensions = ["myst_nb"]
exclude_patterns = ["_build"]
suppress_warnings = ["mystnb.unknown_mime_type"]  # views of a kernel; the same stands beside them as HTML

nb_execution_mode = "off"  # `outputs.py` has run them
nb_merge_streams = True
nb_code_prompt_show = "Show the answer"
nb_code_prompt_hide = "Hide the answer"
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", 1000)]

myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = ["quiz.js", "keyboard.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_permalinks_icon = "#"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
