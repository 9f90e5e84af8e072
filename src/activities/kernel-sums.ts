/**
 * Sums of Gaussian kernels over sorted points on a line, exact to about 1e-13 relative.
 *
 * Two ways, chosen by how many points a kernel reaches: a direct sum over the neighbours inside a window, and, for
 * kernels that reach hundreds of points, Hermite expansions of groups of neighbouring points (the fast Gauss transform of
 * Greengard and Strain, SIAM J. Sci. Stat. Comput. 12 (1991) 79), so that the cost stays proportional to the number of points.
 */

/** Terms below exp(-WINDOW) of the largest one are left out: under 1e-13 in all for 20,000 points. */
const WINDOW = 40;

/** Mean number of neighbours in the window from which expansions are cheaper than the direct sum. */
const DENSE_NEIGHBOURS = 150;

/** Terms of an expansion: with groups of one bandwidth the rest is below 1e-15 of the group's weight. */
const ORDER = 20;

/** How far from a group's centre (in root-two bandwidths) its points still count. */
const REACH = Math.sqrt(WINDOW) + 0.5;

const LOG_ROOT_TWO_PI = Math.log(Math.sqrt(2 * Math.PI));

/** The mean number of points within a kernel's window, for points sorted ascending. */
function meanNeighbours(points: Float64Array, bandwidth: number): number {
  const reach = bandwidth * Math.sqrt(2 * WINDOW);
  let pairs = 0;
  let left = 0;
  for (let index = 0; index < points.length; index += 1) {
    const here = points[index] ?? 0;
    while (here - (points[left] ?? 0) > reach) left += 1;
    pairs += index - left;
  }
  return (2 * pairs) / points.length;
}

/** Groups of points no wider than a bandwidth, each with the moments of its expansion. */
class Expansions {
  readonly #centres: Float64Array;
  readonly #moments: Float64Array;
  readonly #scale: number;

  constructor(points: Float64Array, bandwidth: number) {
    this.#scale = 1 / (Math.SQRT2 * bandwidth);
    const starts: number[] = [];
    let groupStart = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < points.length; index += 1) {
      const here = points[index] ?? 0;
      if (here - groupStart > bandwidth) {
        groupStart = here;
        starts.push(index);
      }
    }
    this.#centres = new Float64Array(starts.length);
    this.#moments = new Float64Array(starts.length * ORDER);
    for (const [group, from] of starts.entries()) {
      const to = starts[group + 1] ?? points.length;
      const centre = ((points[from] ?? 0) + (points[to - 1] ?? 0)) / 2;
      this.#centres[group] = centre;
      for (let index = from; index < to; index += 1) {
        const offset = ((points[index] ?? 0) - centre) * this.#scale;
        let term = 1;
        for (let order = 0; order < ORDER; order += 1) {
          this.#moments[group * ORDER + order] = (this.#moments[group * ORDER + order] ?? 0) + term;
          term *= offset / (order + 1);
        }
      }
    }
  }

  /** The sum of exp(-(at - point)^2 / (2 h^2)) over all points; `fromGroup` is the first group that counts. */
  sumAt(at: number, fromGroup: number): number {
    let total = 0;
    for (let group = fromGroup; group < this.#centres.length; group += 1) {
      const u = (at - (this.#centres[group] ?? 0)) * this.#scale;
      if (u < -REACH) break;
      // Hermite functions by their recurrence: H(k+1) = 2u H(k) - 2k H(k-1).
      let previous = 0;
      let current = 1;
      let sum = 0;
      const base = group * ORDER;
      for (let order = 0; order < ORDER; order += 1) {
        sum += (this.#moments[base + order] ?? 0) * current;
        const next = 2 * (u * current - order * previous);
        previous = current;
        current = next;
      }
      total += sum * Math.exp(-u * u);
    }
    return total;
  }

  /** The first group not left behind by a point at `at`, searching on from `fromGroup`. */
  advance(at: number, fromGroup: number): number {
    let group = fromGroup;
    while (
      group < this.#centres.length &&
      (at - (this.#centres[group] ?? 0)) * this.#scale > REACH
    ) {
      group += 1;
    }
    return group;
  }
}

/** Log of the sum over neighbours of point `index` (itself left out), by walking outwards until terms vanish. */
function leaveOneOutDirect(points: Float64Array, index: number, bandwidth: number): number {
  const here = points[index] ?? 0;
  const left = index > 0 ? here - (points[index - 1] ?? 0) : Number.POSITIVE_INFINITY;
  const right =
    index + 1 < points.length ? (points[index + 1] ?? 0) - here : Number.POSITIVE_INFINITY;
  const nearest = Math.min(left, right);
  const nearestSquared = nearest * nearest;
  const factor = -1 / (2 * bandwidth * bandwidth);
  const limit = nearestSquared + 2 * bandwidth * bandwidth * WINDOW;
  let sum = 0;
  for (let other = index - 1; other >= 0; other -= 1) {
    const distance = here - (points[other] ?? 0);
    const squared = distance * distance;
    if (squared > limit) break;
    sum += Math.exp((squared - nearestSquared) * factor);
  }
  for (let other = index + 1; other < points.length; other += 1) {
    const distance = (points[other] ?? 0) - here;
    const squared = distance * distance;
    if (squared > limit) break;
    sum += Math.exp((squared - nearestSquared) * factor);
  }
  return nearestSquared * factor + Math.log(sum);
}

/**
 * The mean leave-one-out log-likelihood of a Gaussian kernel density.
 * @param points at least two, distinct, sorted ascending, seconds from the first
 * @param bandwidth in seconds, above 0
 */
export function leaveOneOutScore(points: Float64Array, bandwidth: number): number {
  const count = points.length;
  const constant = Math.log(count - 1) + Math.log(bandwidth) + LOG_ROOT_TWO_PI;
  const expansions =
    meanNeighbours(points, bandwidth) > DENSE_NEIGHBOURS ? new Expansions(points, bandwidth) : null;
  let total = 0;
  let group = 0;
  for (let index = 0; index < count; index += 1) {
    const here = points[index] ?? 0;
    const isolated =
      (index === 0 || here - (points[index - 1] ?? 0) > bandwidth) &&
      (index + 1 === count || (points[index + 1] ?? 0) - here > bandwidth);
    if (expansions === null || isolated) {
      total += leaveOneOutDirect(points, index, bandwidth);
    } else {
      // A neighbour within one bandwidth keeps the rest well above the rounding of the point's own term.
      group = expansions.advance(here, group);
      total += Math.log(expansions.sumAt(here, group) - 1);
    }
  }
  return total / count - constant;
}

/** The log density at ascending places, one after the other. */
export class LogDensity {
  readonly #points: Float64Array;
  readonly #bandwidth: number;
  readonly #expansions: Expansions | null;
  readonly #constant: number;
  /** The first point not before the last place asked for. */
  #next = 0;
  #group = 0;

  /** @param points at least one, sorted ascending, seconds from the first; bandwidth in seconds, above 0 */
  constructor(points: Float64Array, bandwidth: number) {
    this.#points = points;
    this.#bandwidth = bandwidth;
    this.#constant = Math.log(points.length) + Math.log(bandwidth) + LOG_ROOT_TWO_PI;
    this.#expansions =
      meanNeighbours(points, bandwidth) > DENSE_NEIGHBOURS
        ? new Expansions(points, bandwidth)
        : null;
  }

  /** Log density at `place`, which must not be before the place of the call before. */
  at(place: number): number {
    const points = this.#points;
    while (this.#next < points.length && (points[this.#next] ?? 0) < place) this.#next += 1;
    const left = this.#next > 0 ? place - (points[this.#next - 1] ?? 0) : Number.POSITIVE_INFINITY;
    const right =
      this.#next < points.length ? (points[this.#next] ?? 0) - place : Number.POSITIVE_INFINITY;
    const nearest = Math.min(left, right);
    if (this.#expansions !== null) {
      this.#group = this.#expansions.advance(place, this.#group);
      if (nearest <= 2 * this.#bandwidth) {
        return Math.log(this.#expansions.sumAt(place, this.#group)) - this.#constant;
      }
    }
    return this.#direct(place, nearest);
  }

  #direct(place: number, nearest: number): number {
    const points = this.#points;
    const nearestSquared = nearest * nearest;
    const factor = -1 / (2 * this.#bandwidth * this.#bandwidth);
    const limit = nearestSquared + 2 * this.#bandwidth * this.#bandwidth * WINDOW;
    let sum = 0;
    for (let other = this.#next - 1; other >= 0; other -= 1) {
      const distance = place - (points[other] ?? 0);
      const squared = distance * distance;
      if (squared > limit) break;
      sum += Math.exp((squared - nearestSquared) * factor);
    }
    for (let other = this.#next; other < points.length; other += 1) {
      const distance = (points[other] ?? 0) - place;
      const squared = distance * distance;
      if (squared > limit) break;
      sum += Math.exp((squared - nearestSquared) * factor);
    }
    return nearestSquared * factor + Math.log(sum) - this.#constant;
  }
}
