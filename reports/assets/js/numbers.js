// Numbers are asked for as they are shown: "98.61" finds what reads 98.61, "78.04k" what reads so.

const POWERS = { "": 0, k: 3, M: 6, G: 9 };
const NUMBER = /([-+]?)(?=\.?\d)(\d{1,3}(?:,\d{3})+(?!\d)|\d*)(?:\.(\d*))? ?([kMG]?)/;
const ONE_NUMBER = new RegExp(`^\\s*${NUMBER.source}\\s*$`);

// The first number of a text with the step of its last digit: 78.04 k is 78040 in steps of 10.
function numberIn(text, pattern = NUMBER) {
  const [found, sign, whole, decimals = "", unit] = pattern.exec(text.replace("−", "-")) ?? [];
  if (!found) return null;
  const value = Number(`${sign}${whole.replaceAll(",", "")}.${decimals}e${POWERS[unit]}`);
  return { value, step: Number(`1e${POWERS[unit] - decimals.length}`) };
}

const equals = (asked, shown) => Math.abs(shown.value - asked.value) < 0.501 * shown.step;

// 98.6 is the beginning of 98.61; digits that are not shown are rounded away.
function begins(asked, shown) {
  if (asked.step < shown.step) return equals(asked, shown);
  const steps = shown.value / asked.step;
  return Math.trunc(steps + 1e-6 * Math.sign(steps)) === Math.round(asked.value / asked.step);
}

const COMPARISONS = {
  "": begins,
  "=": equals,
  "<": (asked, shown) => shown.value < asked.value,
  ">": (asked, shown) => shown.value > asked.value,
  "<=": (asked, shown) => shown.value < asked.value || equals(asked, shown),
  ">=": (asked, shown) => shown.value > asked.value || equals(asked, shown),
};

// A test of shown texts: "> 98", "<= 1.5M", "90..95", "96"; null of what cannot be read.
function question(text) {
  const [, low, high] = /^(.*)\.\.(.*)$/.exec(text) ?? [];
  if (low !== undefined) {
    const ends = [question(`>=${low}`), question(`<=${high}`)];
    return ends.every(Boolean) ? (shown) => ends.every((end) => end(shown)) : null;
  }
  const [, sign = "", rest] = /^\s*(<=|>=|<|>|=)?(.*)$/.exec(text);
  if (!rest.trim()) return () => true;
  const asked = numberIn(rest, ONE_NUMBER);
  if (!asked) return null;
  return (shown) => {
    const found = numberIn(shown);
    return found !== null && COMPARISONS[sign](asked, found);
  };
}
