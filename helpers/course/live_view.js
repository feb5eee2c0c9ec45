// Shows the HTML that the kernel gives, and tells it what was pressed or chosen. See live_view.py.
const HIDDEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";

function render({ model, el }) {
  const card = document.createElement("div");
  const controls = document.createElement("div");
  const voice = document.createElement("div");
  voice.setAttribute("aria-live", "polite");
  voice.style.cssText = HIDDEN;
  // As large as other outputs, and words that stand on the page's own ground in its own ink.
  el.style.fontSize = "var(--jp-content-font-size1, 14px)";
  el.style.lineHeight = "var(--jp-content-line-height, 1.5)";
  el.style.color = "var(--jp-content-font-color1, inherit)";
  el.append(card, controls, voice);
  controls.innerHTML = model.get("controls");

  const key = (node) => node && (node.dataset?.key || node.querySelector?.("summary")?.textContent);
  // A button opens the panel of its own key, without the kernel: also while something is being computed.
  let opened = "";
  const open = (name) => {
    opened = name;
    for (const panel of card.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== opened;
    for (const one of card.querySelectorAll("[data-opens]")) {
      one.setAttribute("aria-expanded", String(one.dataset.opens === opened));
      one.style.boxShadow = one.dataset.opens === opened ? "0 0 0 2px currentcolor" : "";
    }
  };
  const draw = () => {
    const focused = card.contains(document.activeElement) ? key(document.activeElement) : "";
    const folds = new Map([...card.querySelectorAll("details")].map((fold) => [key(fold), fold.open]));
    card.innerHTML = model.get("html");
    for (const fold of card.querySelectorAll("details")) fold.open = fold.open || folds.get(key(fold)) === true;
    requestAnimationFrame(() => { // when the view stands on the page
      for (const one of card.querySelectorAll("[data-do=beside]")) one.hidden = !window.jupyterapp || !el.closest(".jp-Notebook");
    });
    open(opened);
    if (focused) card.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    voice.textContent = model.get("said");
  };
  const tell = (what, value) => model.send({ do: what, value });
  const chosen = ({ target }) => {
    if (target.type === "file") pictureOf(target.files[0]).then((address) => tell(target.name, address));
    else if (target.name) tell(target.name, target.value);
  };
  card.addEventListener("change", chosen);
  controls.addEventListener("input", chosen);
  el.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) open(opener.dataset.opens === opened ? "" : opener.dataset.opens);
    const pressed = event.target.closest("[data-do]");
    if (!pressed || !el.contains(pressed)) return;
    const { do: what, value = "", interrupt = "" } = pressed.dataset;
    if (what === "go") return show(el, value);
    if (what === "beside") {
      window.jupyterapp.commands.execute("notebook:create-output-view"); // of the cell that was clicked into
      return;
    }
    pressed.disabled = true; // until it is redrawn
    if (interrupt) {
      pressed.textContent = "Stopping …";
      stop(interrupt);
    } else tell(what, value);
  });
  const answer = ({ fill, read }) => {
    if (fill) tell("filled", write(el, fill));
    const found = read && cellOf(el, read);
    if (read) found ? tell("source", found.getSource()) : tell("filled", "none");
  };
  model.on("change:turn", draw);
  model.on("msg:custom", answer);
  // Keys that are meant for an option, a button or a slider must not move the notebook to another cell; Ctrl + S is for the notebook.
  const keys = (event) => {
    const { target, key, ctrlKey, metaKey, altKey, shiftKey } = event;
    if (!el.contains(target)) return;
    target.toggleAttribute("data-lm-suppress-shortcuts", !(ctrlKey || metaKey || altKey || shiftKey || key === "Escape"));
  };
  window.addEventListener("keydown", keys, true); // before JupyterLab, which listens at the document
  draw();
  tell("ready", "");
  return () => {
    window.removeEventListener("keydown", keys, true);
    model.off("change:turn", draw);
    model.off("msg:custom", answer);
  };
}

// A picture from this computer, small enough to travel and upright, as an address that needs no network; "" where it is none.
async function pictureOf(file) {
  try {
    const picture = await createImageBitmap(file);
    const shrink = Math.min(1, 512 / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * shrink)));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png");
  } catch {
    return "";
  }
}

// The notebook around `el` and the place in it of the cell with this id; nothing where the page does not let us have it.
function placeOf(el, cell) {
  for (const panel of window.jupyterapp?.shell.widgets("main") ?? []) {
    const place = panel.node.contains(el) ? panel.content?.widgets?.findIndex((one) => one.model?.id === cell) ?? -1 : -1;
    if (place >= 0) return { notebook: panel.content, place };
  }
}

// The text of that cell.
function cellOf(el, cell) {
  const found = placeOf(el, cell);
  return found?.notebook.widgets[found.place].model.sharedModel;
}

// Go to that cell.
function show(el, cell) {
  const found = placeOf(el, cell);
  if (!found) return;
  found.notebook.activeCellIndex = found.place;
  found.notebook.scrollToItem(found.place, "smart");
  found.notebook.activate();
}

// Write into a cell that says what may be written over.
function write(el, { cell, text, over }) {
  const found = cellOf(el, cell);
  if (!found) return "none";
  const source = found.getSource().trim();
  if (source !== text && !over.includes(source)) return "kept";
  if (source !== text) found.setSource(text);
  return "yes";
}

// A kernel that is busy reads no message: what it computes is interrupted by way of the server, as by the button in the toolbar.
function stop(kernel) {
  const page = JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}");
  const token = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? "";
  const address = `${page.baseUrl ?? "/"}api/kernels/${kernel}/interrupt`;
  const headers = { "X-XSRFToken": token, ...(page.token ? { Authorization: `token ${page.token}` } : {}) };
  fetch(address, { method: "POST", headers, credentials: "same-origin" });
}

export default { render };
