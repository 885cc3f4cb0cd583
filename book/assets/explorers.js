// Shows stored explorers on pages without a kernel. A built page holds the state of its widgets and
// one script element per view; each view whose model brings its own front end (an anywidget) is
// rendered in place from that state. The rest of Jupyter's widgets need a kernel, and say so.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const modules = new Map(); // promise of a module by its text
  const models = new Map(); // model by id, so that two views of one move together

  function makeModel(state) {
    const values = { ...state };
    const listeners = new Map();
    const of = (event) => listeners.get(event) ?? listeners.set(event, new Set()).get(event);
    return {
      get: (name) => values[name],
      set(name, value) {
        values[name] = value;
        of(`change:${name}`).forEach((listener) => listener());
      },
      on: (event, listener) => of(event).add(listener),
      off: (event, listener) => of(event).delete(listener),
      save_changes() {},
    };
  }

  function load(text) {
    if (!modules.has(text)) {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      modules.set(text, import(url).finally(() => URL.revokeObjectURL(url)));
    }
    return modules.get(text);
  }

  function addStyle(css) {
    const present = [...document.querySelectorAll("style.explorer-style")];
    if (present.some((style) => style.textContent === css)) return;
    const style = document.createElement("style");
    style.className = "explorer-style";
    style.textContent = css;
    document.head.append(style);
  }

  async function show(view, states) {
    const id = JSON.parse(view.textContent).model_id;
    const state = states[id]?.state;
    if (!state) throw new Error("its state is not stored in this page");
    const el = document.createElement("div");
    view.after(el);
    if (!state._esm) {
      el.className = "explorer-note";
      el.textContent =
        "This control needs a running kernel: open the page in Binder, Colab or JupyterLab.";
      return;
    }
    if (state._css) addStyle(state._css);
    if (!models.has(id)) models.set(id, makeModel(state));
    const explorer = (await load(state._esm)).default;
    await explorer.render({ model: models.get(id), el });
  }

  function report(view, error) {
    const note = document.createElement("p");
    note.className = "explorer-note";
    note.setAttribute("role", "alert");
    note.textContent = `This explorer could not be shown: ${error.message}.`;
    view.after(note);
  }

  function showAll() {
    const views = document.querySelectorAll(`${VIEW}:not([data-shown])`);
    views.forEach((view) => { view.dataset.shown = ""; });
    if (!views.length) return;
    const states = {};
    try {
      for (const script of document.querySelectorAll(STATE)) {
        Object.assign(states, JSON.parse(script.textContent).state);
      }
    } catch (error) {
      views.forEach((view) => report(view, error));
      return;
    }
    views.forEach((view) => show(view, states).catch((error) => report(view, error)));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", showAll);
  else showAll();
})();
