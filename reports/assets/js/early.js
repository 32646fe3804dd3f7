// Before anything is drawn: scripts run, and the theme is the one chosen last, else the system's.
document.documentElement.classList.add("js");
try {
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch {
  // a browser that keeps nothing follows the system
}
