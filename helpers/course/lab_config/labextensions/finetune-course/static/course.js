// JupyterLab as the course wants it: a start page that follows what is done, lessons in the file browser, headings at the left.
// Written by hand, in the form that JupyterLab loads (webpack's module federation), so that nothing has to be built.
const START = "START.md";
const SECONDS = 2; // between two looks at whether the start page has been written anew
const STYLE = `
  .jp-MarkdownViewer table { margin-left: 0 !important }
  .jp-MarkdownViewer progress { width: 8em; height: 0.8em; accent-color: #007a5a }
  .jp-MarkdownViewer td:has(> progress) + td { white-space: nowrap }
  .jp-RenderedHTMLCommon .alert-success { background: #e6f4ef; border: 1px solid #007a5a; color: #1f2933 } /* in both themes */
  .jp-RenderedHTMLCommon .alert-success :is(a, code) { background: none !important; color: inherit !important }
`;

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Show the start page as it is on disk. One that is out of sight waits until it is seen.
async function follow(app) {
  for (const panel of app.shell.widgets("main")) {
    const context = panel.context;
    if (context?.path !== START || !panel.isVisible || !context.isReady || context.model.dirty) continue;
    const now = await app.serviceManager.contents.get(START, { content: false });
    if (now.last_modified !== context.contentsModel?.last_modified) await context.revert();
  }
}

// A link to a place in a notebook: JupyterLab opens the notebook and goes to the place before there is one.
async function go(app, event) {
  const link = event.target.closest?.("a[href*='.ipynb'][href*='#']");
  if (!link) return;
  const path = decodeURIComponent(link.pathname);
  for (let wait = 0; wait < 100; wait += 1) {
    await pause(100);
    const panel = app.shell.currentWidget;
    if (!panel?.context?.isReady || !path.endsWith(`/${panel.context.path}`)) continue;
    await panel.revealed;
    await pause(300); // until its cells have their heights
    return panel.setFragment(link.hash);
  }
}

// What a course that is opened for the first time shows at the left; from then on the reader's own arrangement holds.
async function arrange(app) {
  const layout = await app.shell.restored;
  if (!layout?.fresh) return;
  while (!app.shell.currentWidget) await pause(100); // in an empty page a change of folder would open the launcher
  await app.commands.execute("filebrowser:go-to-path", { path: "notebooks", dontShowBrowser: true });
  await app.commands.execute("toc:show-panel");
}

function activate(app) {
  document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
  let busy = false;
  const look = async () => {
    if (busy || document.hidden) return;
    busy = true;
    await follow(app).catch(() => {}); // a server that is gone says so itself
    busy = false;
  };
  app.shell.currentChanged.connect(look);
  document.addEventListener("click", (event) => go(app, event), true);
  setInterval(look, 1000 * SECONDS);
  arrange(app).catch(() => {}); // a folder without notebooks/ is shown as it is
}

const plugin = { id: "finetune-course:plugin", autoStart: true, activate };
(window._JUPYTERLAB ??= {})["finetune-course"] = {
  init() {},
  get: async () => () => ({ __esModule: true, default: plugin }),
};
