// Put the sections together: one protocol at a time, as rows of different ones share nothing.

const sections = [heat(), explore(), pareto(), curves()];

function showTable(table) {
  if (tables.length > 1)
    for (const place of document.querySelectorAll(".which")) show(place, table.title);
  sections.forEach((section) => section.show(table));
}

if (tables.length > 1) $("protocol").append(choice("Protocol", tables, tables[0], showTable));
if (tables.length) showTable(tables[0]);
prepareDetail();

// ---------------------------------------------------------------------------------- theme

const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () =>
  (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

function announce() {
  $("theme").setAttribute("aria-label", `Theme: ${isDark() ? "dark" : "light"}; switch`);
  themed.forEach((redraw) => redraw());
}

$("theme").addEventListener("click", () => {
  const next = isDark() ? "light" : "dark";
  const isSystems = (next === "dark") === system.matches;
  if (isSystems) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (isSystems) localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
  } catch {
    // a browser that keeps nothing forgets it with the page
  }
  announce();
});
system.addEventListener("change", announce);
announce();

// ---------------------------------------------------------------------------------- where one is

const links = new Map(
  [...document.querySelectorAll(".bar nav a")].map((link) => [link.hash.slice(1), link]),
);
const sight = new IntersectionObserver(
  (entries) => {
    for (const entry of entries)
      links.get(entry.target.id)?.classList.toggle("here", entry.isIntersecting);
  },
  { rootMargin: "-20% 0px -75% 0px" },
);
for (const id of links.keys()) if ($(id)) sight.observe($(id));
