// A matrix on a canvas that a keyboard and a screen reader can walk: one element stands over the cell that is looked at.
// The canvas is as large as its window, whatever the matrix; the cursor is an element of its own, so that moving it draws
// nothing again.

import { fill, h, short, sized } from "./dom.js";
import { neighbour } from "./rove.js";
import { paintCells, paintWhole, skinOf } from "./paint.js";

const READABLE = 13; // pixels; a cell below that has no label, and is scrolled to instead
const LETTERED = 27; // a cell as wide as this holds a number
const STEPS_OF = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/**
 * new Grid({ label, key, move(row, column), open(), hover(row, column | null) })
 *   .element            put it into the page
 *   .show(matrix)       { rows, columns, rowLabel(i), columnLabel(j), share(i, j), both, text(i, j), speak(i, j), mark(i, j) }
 *   .at(row, column)    move the cursor
 * share: from 0 to 1, or −1 to 1 when `both`; mark: "" | "est" | "none" | "forbidden".
 */
export class Grid {
  #cursor = [0, 0];
  #matrix = null;
  #view = null;
  #pending = false;
  #scroll = [0, 0];

  constructor(options) {
    this.options = { tallest: 0.62, widest: 46, squarest: 1, ...options };
    this.cell = h("div", { class: "ring", role: "gridcell", tabindex: "-1", "data-rove": options.first ? "first" : true, "data-key": options.key });
    this.row = h("div", { role: "row" }, this.cell);
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.extent = h("div", { class: "extent" });
    this.scroller = h("div", { class: "scroller", tabindex: "-1" }, this.extent, this.canvas);
    this.across = h("div", { class: "across" });
    this.down = h("div", { class: "down" });
    this.cover = h("div", { class: "cover", role: "grid", "aria-label": options.label }, this.across, this.down, this.row);
    this.element = h("div", { class: "grid" }, this.scroller, this.cover);
    this.#listen();
  }

  show(matrix) {
    this.#matrix = matrix;
    this.cover.setAttribute("aria-rowcount", matrix.rows);
    this.cover.setAttribute("aria-colcount", matrix.columns);
    this.#layWithOthers();
  }

  /** What is on the canvas now, for a figure: the matrix itself. */
  get matrix() {
    return this.#matrix;
  }

  get cursor() {
    return this.#cursor;
  }

  at(row, column) {
    this.#cursor = [row, column];
    if (!this.#matrix) return;
    this.#reveal();
    this.#place();
  }

  focus() {
    this.cell.focus({ preventScroll: true });
  }

  /** Show the part that begins at these pixels. */
  scrollTo(left, top) {
    if (left !== this.#scroll[0]) this.scroller.scrollLeft = left;
    if (top !== this.#scroll[1]) this.scroller.scrollTop = top;
  }

  #scrolled() {
    this.#scroll = [this.scroller.scrollLeft, this.scroller.scrollTop];
    this.redraw();
    this.options.scrolled?.(...this.#scroll);
  }

  redraw() {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => {
      this.#pending = false;
      this.#draw();
      this.#place();
    });
  }

  #listen() {
    new ResizeObserver(() => this.#view?.within !== this.element.clientWidth && this.#layWithOthers()).observe(this.element);
    this.scroller.addEventListener("scroll", () => this.#scrolled());
    this.scroller.addEventListener("pointerdown", (event) => this.#pointed(event, true));
    this.scroller.addEventListener("pointermove", (event) => this.#pointed(event, event.buttons === 1));
    this.scroller.addEventListener("pointerleave", () => this.options.hover?.(null, null));
    this.scroller.addEventListener("dblclick", () => this.options.open?.());
    this.cell.addEventListener("keydown", (event) => this.#key(event));
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) globalThis.matchMedia?.(query).addEventListener("change", () => this.redraw());
  }

  #pointed(event, chosen) {
    const found = this.#under(event);
    if (!found) return this.options.hover?.(null, null);
    if (!chosen) return this.options.hover?.(...found);
    this.options.move(...found);
    if (event.type === "pointerdown") queueMicrotask(() => this.focus());
  }

  #under(event) {
    const view = this.#view;
    if (!view || !this.#matrix) return null;
    const box = this.scroller.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (x < view.left || y < view.top || x > this.scroller.clientWidth || y > this.scroller.clientHeight) return null;
    const row = Math.floor((y - view.top + this.scroller.scrollTop) / view.height);
    const column = Math.floor((x - view.left + this.scroller.scrollLeft) / view.width);
    return row < this.#matrix.rows && column < this.#matrix.columns ? [row, column] : null;
  }

  #key(event) {
    if (event.altKey || event.metaKey || !this.#matrix) return;
    const { rows, columns } = this.#matrix;
    const [row, column] = this.#cursor;
    const step = STEPS_OF[event.key];
    const far = { Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? rows - 1 : row, columns - 1] }[event.key];
    if (!step && !far) return;
    const [i, j] = far ?? [row + step[0], column + step[1]];
    event.preventDefault();
    const leaves = step?.[0] && (event.ctrlKey || i < 0 || i >= rows);
    if (leaves) neighbour(this.element.closest(".panel") ?? this.element.parentElement, this.cell, step[0])?.focus({ preventScroll: false });
    else if (j >= 0 && j < columns && i >= 0 && i < rows) this.options.move(i, j);
  }

  /** Measure, and draw again, soon: all grids of a panel at once, for each time one reads what another wrote costs a layout. */
  #layWithOthers() {
    if (!Grid.#unlaid.size) queueMicrotask(Grid.#layAll);
    Grid.#unlaid.add(this);
  }

  static #unlaid = new Set();

  static #layAll() {
    const grids = [...Grid.#unlaid];
    Grid.#unlaid.clear();
    const laid = grids.filter((grid) => grid.#read());
    for (const grid of laid) grid.#write();
    for (const grid of laid) grid.#view.inside = [grid.scroller.clientWidth, grid.scroller.clientHeight];
    for (const grid of laid) grid.#laid();
  }

  /** What stands in the page; false where this grid is not in it. */
  #read() {
    const width = this.element.clientWidth;
    if (!this.#matrix || !width) return false;
    this.#view = { ...this.#measured(this.#matrix, width), within: width };
    return true;
  }

  #write() {
    const { within, left, top, fullWidth, fullHeight, windowHeight } = this.#view;
    this.extent.style.setProperty("width", `${left + fullWidth}px`);
    this.extent.style.setProperty("height", `${top + fullHeight}px`);
    this.scroller.style.setProperty("height", `${windowHeight}px`);
    this.scroller.style.setProperty("width", `${Math.min(within, left + fullWidth + (top + fullHeight > windowHeight ? 16 : 0))}px`);
  }

  #laid() {
    [this.#view.windowWidth, this.#view.windowHeight] = this.#view.inside;
    this.redraw();
    this.#reveal();
  }

  #measured(matrix, width) {
    const skin = skinOf(this.element);
    const context = this.canvas.getContext("2d");
    const letters = Math.round(Math.max(10, skin.size * 0.78));
    context.font = `${letters}px ${skin.family}`;
    const most = this.options.letters ?? 12;
    const longest = (label, count) => Math.max(0, ...Array.from({ length: Math.min(count, 600) }, (_, k) => context.measureText(short(label(k), most)).width));
    const left = Math.ceil(Math.min(longest(matrix.rowLabel, matrix.rows) + 10, width * 0.4));
    const widest = longest(matrix.columnLabel, matrix.columns);
    const { cellWidth, cellHeight } = this.#cells(matrix, width - left, skin);
    const upright = widest + 4 > cellWidth;
    const labelled = cellWidth >= letters - 1;
    const top = Math.ceil(labelled ? (upright ? widest + 10 : letters + 8) : 4);
    const [fullWidth, fullHeight] = [cellWidth * matrix.columns, cellHeight * matrix.rows];
    const tallest = Math.max(220, this.options.tallest * (globalThis.innerHeight || 800));
    const windowHeight = Math.ceil(Math.min(top + fullHeight + 1, tallest));
    return { left, top, width: cellWidth, height: cellHeight, fullWidth, fullHeight, windowHeight, upright, labelled, skin, labels: letters, most };
  }

  #cells(matrix, space, skin) {
    const scale = skin.size / 14;
    const fitting = space / matrix.columns;
    if (this.options.whole) return { cellWidth: fitting, cellHeight: fitting };
    const cellWidth = Math.max(READABLE * scale, Math.min(Math.floor(fitting), this.options.widest * scale));
    return { cellWidth, cellHeight: Math.max(READABLE * scale, Math.min(cellWidth / this.options.squarest, (this.options.highest ?? 34) * scale)) };
  }

  #draw() {
    const [matrix, view] = [this.#matrix, this.#view];
    if (!matrix || !view) return;
    const [width, height] = [view.windowWidth, view.windowHeight];
    const context = sized(this.canvas, width, height);
    const skin = (view.skin = skinOf(this.element));
    context.clearRect(0, 0, width, height);
    const [scrollLeft, scrollTop] = this.#scroll;
    const clipped = (draw, ...box) => {
      context.save();
      context.beginPath();
      context.rect(...box);
      context.clip();
      draw();
      context.restore();
    };
    clipped(() => this.#drawCells(context, skin, scrollLeft, scrollTop), view.left, view.top, width - view.left, height - view.top);
    if (!view.labelled) return;
    clipped(() => this.#drawColumns(context, skin, scrollLeft), view.left, 0, width - view.left, view.top);
    clipped(() => this.#drawRows(context, skin, scrollTop), 0, view.top, view.left, height - view.top);
  }

  #drawCells(context, skin, scrollLeft, scrollTop) {
    const [matrix, view] = [this.#matrix, this.#view];
    if (view.width < 5) return paintWhole(context, { left: view.left, top: view.top - scrollTop, width: view.fullWidth, height: view.fullHeight }, matrix, skin);
    const window = this.#window(scrollLeft, scrollTop);
    const scale = skin.size / 14;
    const letters = view.width >= LETTERED * scale && view.height >= 15 * scale ? Math.min(view.width / (matrix.letters ?? 2.7), view.height * 0.62, skin.size * 0.9) : 0;
    paintCells(context, { ...view, ...window, letters, gap: view.width > 9 ? 1 : 0, x: (j) => view.left + j * view.width - scrollLeft, y: (i) => view.top + i * view.height - scrollTop }, matrix, skin);
  }

  #window(scrollLeft, scrollTop) {
    const [matrix, view] = [this.#matrix, this.#view];
    const last = (scroll, size, cell, count) => Math.min(count - 1, Math.floor((scroll + size) / cell));
    return {
      firstRow: Math.floor(scrollTop / view.height),
      lastRow: last(scrollTop, view.windowHeight - view.top, view.height, matrix.rows),
      firstColumn: Math.floor(scrollLeft / view.width),
      lastColumn: last(scrollLeft, view.windowWidth - view.left, view.width, matrix.columns),
    };
  }

  #drawColumns(context, skin, scrollLeft) {
    const [matrix, view] = [this.#matrix, this.#view];
    const { firstColumn, lastColumn } = this.#window(scrollLeft, 0);
    context.font = `${view.labels}px ${skin.family}`;
    context.textBaseline = "middle";
    for (let j = firstColumn; j <= lastColumn; j += 1) {
      context.fillStyle = matrix.quietColumn?.(j) ? skin.quiet : skin.text;
      context.save();
      context.translate(view.left + (j + 0.5) * view.width - scrollLeft, view.top - 5);
      if (view.upright) context.rotate(-Math.PI / 2);
      else context.translate(0, -view.labels / 2);
      context.textAlign = view.upright ? "left" : "center";
      context.fillText(short(matrix.columnLabel(j), view.most), 0, 0);
      context.restore();
    }
  }

  #drawRows(context, skin, scrollTop) {
    const [matrix, view] = [this.#matrix, this.#view];
    const { firstRow, lastRow } = this.#window(0, scrollTop);
    context.font = `${view.labels}px ${skin.family}`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let i = firstRow; i <= lastRow; i += 1) {
      context.fillStyle = matrix.quietRow?.(i) ? skin.quiet : skin.text;
      context.fillText(short(matrix.rowLabel(i), view.most), view.left - 7, view.top + (i + 0.5) * view.height - scrollTop);
    }
  }

  /** Scroll so that the cursor is in the window. */
  #reveal() {
    const view = this.#view;
    if (!view) return;
    const [row, column] = this.#cursor;
    const into = (start, size, scroll, space) => (start < scroll ? start : start + size > scroll + space ? start + size - space : scroll);
    const top = into(row * view.height, view.height, this.#scroll[1], view.windowHeight - view.top);
    const left = into(column * view.width, view.width, this.#scroll[0], view.windowWidth - view.left);
    this.scrollTo(left, top);
  }

  /** Put the ring over the cell, and say to whom it may concern what stands there. */
  #place() {
    const [matrix, view] = [this.#matrix, this.#view];
    if (!matrix || !view) return;
    const [row, column] = this.#cursor;
    const inside = row < matrix.rows && column < matrix.columns;
    const set = (element, values) => Object.entries(values).forEach(([name, value]) => element.style.setProperty(name, value));
    set(this.cover, { left: `${view.left}px`, top: `${view.top}px`, width: `${Math.max(0, view.windowWidth - view.left)}px`, height: `${Math.max(0, view.windowHeight - view.top)}px` });
    const [x, y] = [column * view.width - this.#scroll[0], row * view.height - this.#scroll[1]];
    const [width, height] = [Math.max(7, view.width - 1), Math.max(7, view.height - 1)];
    set(this.cell, { transform: `translate(${x}px, ${y}px)`, width: `${width}px`, height: `${height}px` });
    set(this.across, { transform: `translateY(${y}px)`, height: `${height}px` });
    set(this.down, { transform: `translateX(${x}px)`, width: `${width}px` });
    this.cover.hidden = !inside;
    if (!inside) return;
    this.row.setAttribute("aria-rowindex", row + 1);
    this.cell.setAttribute("aria-colindex", column + 1);
    this.cell.setAttribute("aria-label", matrix.speak(row, column));
  }
}

/** The same matrix as a real table: at most `window` rows and columns around the cursor; what is left out is counted. */
export function tableOf(matrix, [row, column], window = 24) {
  const span = (at, count) => {
    const first = Math.max(0, Math.min(count - window, at - Math.floor(window / 2)));
    return Array.from({ length: Math.min(window, count) }, (_, k) => first + k);
  };
  const [rows, columns] = [span(row, matrix.rows), span(column, matrix.columns)];
  const head = h("tr", {}, h("td"), columns.map((j) => h("th", { scope: "col" }, short(matrix.columnLabel(j), 16))));
  const body = rows.map((i) => h("tr", {}, h("th", { scope: "row" }, short(matrix.rowLabel(i), 16)), columns.map((j) => h("td", { class: i === row && j === column ? "here" : null }, matrix.full?.(i, j) ?? matrix.text(i, j)))));
  const left = matrix.rows * matrix.columns - rows.length * columns.length;
  const caption = left ? `rows ${rows[0]} to ${rows.at(-1)} of ${matrix.rows}, columns ${columns[0]} to ${columns.at(-1)} of ${matrix.columns}; ${left} cells are further off` : "";
  return h("div", { class: "tabled", tabindex: "0", role: "region", "aria-label": matrix.title ?? "table", "data-key": `table:${matrix.title}` }, h("table", {}, h("caption", {}, matrix.title ?? "", caption && `: ${caption}`), h("thead", {}, head), h("tbody", {}, body)));
}

/** Put a grid's element, or the table of its matrix, into `place`. */
export function gridOrTable(place, grid, table) {
  fill(place, table ? tableOf(grid.matrix, grid.cursor) : grid.element);
}
