/**
 * The script of the page: filter boxes and the viewer of large previews. It changes nothing but what is shown, and takes
 * texts only as texts. For browsers, so it is no module of ours and is kept as text.
 */
export const PAGE_SCRIPT = `'use strict';
(() => {
  for (const box of document.querySelectorAll('input[data-filter]')) {
    const output = box.parentElement.querySelector('output');
    const items = [...document.querySelectorAll(box.dataset.filter)];
    const sections = [...new Set(items.map((item) => item.closest('.activity')))].filter(Boolean);
    let texts = null;
    const apply = () => {
      texts ??= items.map((item) => item.textContent.toLowerCase());
      const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
      let shown = 0;
      items.forEach((item, index) => {
        const matches = words.every((word) => texts[index].includes(word));
        item.hidden = !matches;
        if (matches) shown += 1;
      });
      for (const section of sections) section.hidden = section.querySelector('.card:not([hidden])') === null;
      output.textContent = words.length === 0 ? items.length + ' ' + box.dataset.things : shown + ' of ' + items.length + ' ' + box.dataset.things;
    };
    box.addEventListener('input', apply);
    box.closest('.filter').hidden = false;
    if (box.value === '') output.textContent = items.length + ' ' + box.dataset.things;
    else apply();
  }

  const viewer = document.getElementById('viewer');
  const image = document.getElementById('viewer-image');
  const caption = document.getElementById('viewer-caption');
  const previous = document.getElementById('viewer-previous');
  const next = document.getElementById('viewer-next');
  let at = null;
  const pictures = () => [...document.querySelectorAll('.card:not([hidden]) .picture')];
  const neighbour = (step) => {
    const all = pictures();
    return all[all.indexOf(at) + step] ?? null;
  };
  const show = (picture) => {
    if (picture === null) return;
    at = picture;
    const small = picture.querySelector('img');
    image.src = small.src;
    image.alt = small.alt;
    caption.textContent = picture.dataset.caption;
    previous.disabled = neighbour(-1) === null;
    next.disabled = neighbour(1) === null;
    if (!viewer.open) viewer.showModal();
  };
  document.addEventListener('click', (event) => {
    const picture = event.target.closest('.picture');
    if (picture !== null) show(picture);
    else if (event.target === viewer) viewer.close();
  });
  previous.addEventListener('click', () => show(neighbour(-1)));
  next.addEventListener('click', () => show(neighbour(1)));
  document.getElementById('viewer-close').addEventListener('click', () => viewer.close());
  viewer.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowLeft') show(neighbour(-1));
    if (event.key === 'ArrowRight') show(neighbour(1));
  });
  viewer.addEventListener('close', () => {
    if (at !== null) at.focus();
    image.removeAttribute('src');
  });

  const folded = [];
  window.addEventListener('beforeprint', () => {
    // Without the metadata of each dataset, which would fill a book: what is unfolded is printed.
    for (const details of document.querySelectorAll('details:not([open])')) {
      if (details.closest('.card') !== null) continue;
      details.open = true;
      folded.push(details);
    }
  });
  window.addEventListener('afterprint', () => {
    for (const details of folded.splice(0)) details.open = false;
  });
})();
`;
