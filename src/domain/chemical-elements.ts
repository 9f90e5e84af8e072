/** The 118 chemical symbols in the order of atomic numbers (IUPAC 2016). */
export const CHEMICAL_ELEMENTS = [
  ...(['H', 'He', 'Li', 'Be', 'B', 'C', 'N', 'O', 'F', 'Ne', 'Na', 'Mg', 'Al', 'Si', 'P'] as const),
  ...(['S', 'Cl', 'Ar', 'K', 'Ca', 'Sc', 'Ti', 'V', 'Cr', 'Mn', 'Fe', 'Co', 'Ni', 'Cu'] as const),
  ...(['Zn', 'Ga', 'Ge', 'As', 'Se', 'Br', 'Kr', 'Rb', 'Sr', 'Y', 'Zr', 'Nb', 'Mo', 'Tc'] as const),
  ...(['Ru', 'Rh', 'Pd', 'Ag', 'Cd', 'In', 'Sn', 'Sb', 'Te', 'I', 'Xe', 'Cs', 'Ba', 'La'] as const),
  ...([
    'Ce',
    'Pr',
    'Nd',
    'Pm',
    'Sm',
    'Eu',
    'Gd',
    'Tb',
    'Dy',
    'Ho',
    'Er',
    'Tm',
    'Yb',
    'Lu',
  ] as const),
  ...(['Hf', 'Ta', 'W', 'Re', 'Os', 'Ir', 'Pt', 'Au', 'Hg', 'Tl', 'Pb', 'Bi', 'Po', 'At'] as const),
  ...(['Rn', 'Fr', 'Ra', 'Ac', 'Th', 'Pa', 'U', 'Np', 'Pu', 'Am', 'Cm', 'Bk', 'Cf', 'Es'] as const),
  ...([
    'Fm',
    'Md',
    'No',
    'Lr',
    'Rf',
    'Db',
    'Sg',
    'Bh',
    'Hs',
    'Mt',
    'Ds',
    'Rg',
    'Cn',
    'Nh',
  ] as const),
  ...(['Fl', 'Mc', 'Lv', 'Ts', 'Og'] as const),
] as const;

/** A chemical symbol. */
export type ChemicalElement = (typeof CHEMICAL_ELEMENTS)[number];

/** The symbols among some texts, each once, in their order; blanks around and letter case do not matter. */
export function chemicalElementsOf(texts: readonly string[]): ChemicalElement[] {
  const wanted = texts.map((text) => text.trim().toLowerCase());
  const found = wanted.flatMap(
    (text) => CHEMICAL_ELEMENTS.find((symbol) => symbol.toLowerCase() === text) ?? [],
  );
  return [...new Set(found)];
}
