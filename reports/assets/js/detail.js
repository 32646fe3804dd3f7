// One row or one run with all that is known of it, beside the page: #row-3, #run-0123456789ab.

let drawings = [];

function follow(hash) {
  if (location.hash !== hash) history.pushState(null, "", hash);
  route();
}

// Show what the address asks for.
function route() {
  const [, kind, name] = /^#(row|run)-(\w+)$/.exec(location.hash) ?? [];
  const found = kind === "row" ? lineOf.get(Number(name)) : runOf.get(name);
  const dialog = $("detail");
  if (!found) {
    if (dialog.open) dialog.close();
    return;
  }
  drawings.forEach((drawing) => drawing.end());
  drawings = [];
  show($("detail-body"), kind === "row" ? rowDetail(found) : runDetail(found));
  if (!dialog.open) dialog.showModal();
  $("detail-body").scrollTop = 0;
}

function prepareDetail() {
  const dialog = $("detail");
  $("detail-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    if (dialog.open) return; // something else was opened meanwhile
    drawings.forEach((drawing) => drawing.end());
    drawings = [];
    if (/^#(row|run)-/.test(location.hash))
      history.replaceState(null, "", location.pathname + location.search);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#row-"], a[href^="#run-"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    follow(link.getAttribute("href"));
  });
  window.addEventListener("popstate", route);
  window.addEventListener("hashchange", route);
  route();
}
