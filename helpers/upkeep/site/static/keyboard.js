// What scrolls sideways can be reached with Tab, so that arrow keys scroll it; captions in the list of pages say how deep they stand.
document.addEventListener("DOMContentLoaded", () => {
  for (const caption of document.querySelectorAll(".caption[role=heading]")) caption.setAttribute("aria-level", "2");
  const reach = () => {
    for (const part of document.querySelectorAll("pre, .table-wrapper, .cell_output")) {
      if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
  };
  reach();
  addEventListener("resize", reach);
  addEventListener("load", reach);
});
