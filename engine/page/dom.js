// Making elements. Text is always text: nothing here, or anywhere on the page, makes elements of it.

export const at = (id) => document.getElementById(id);

/** An element with a class, and children that are elements or text. */
export function make(name, className = "", ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** A bar from `begin` to `end`, both as shares of its parent's width. */
export function bar(className, begin, end) {
  const made = make("i", className);
  made.style.left = `${begin * 100}%`;
  made.style.width = `${Math.max(0, end - begin) * 100}%`;
  return made;
}

export const whole = (number) => Math.round(number).toLocaleString("en");
