"""Decision thresholds from what they refuse: shares of the untouched validation photos of LFW, good photos all in all."""

import numpy as np

# Policy → purpose → (share of good photos rejected at most, share not fully accepted).
SHARES = {
    'lenient': {'probe': (0.005, 0.03), 'enrolment': (0.01, 0.10)},
    'balanced': {'probe': (0.01, 0.06), 'enrolment': (0.03, 0.20)},
    'strict': {'probe': (0.03, 0.20), 'enrolment': (0.08, 0.35)},
}
# Documented ramp start of matchers that nobody has calibrated.
MIN_WEIGHT = 0.8


def fit_thresholds(good: np.ndarray) -> dict:
    """`good`: values of good photos, NaN where no face was found (not counted: such photos are refused for that reason)."""
    good = good[np.isfinite(good)]
    result = {}
    for policy, purposes in SHARES.items():
        result[policy] = {}
        for purpose, (rejected, below) in purposes.items():
            low, high = np.quantile(good, [rejected, below])
            entry = {'rejectBelow': round(float(low), 4), 'acceptFrom': round(float(high), 4), 'minWeight': MIN_WEIGHT}
            assert 0 < entry['rejectBelow'] <= entry['acceptFrom'] <= 1
            result[policy][purpose] = entry
    return result


def expected_calibration_error(value: np.ndarray, outcome: np.ndarray, bins: int = 10) -> float:
    """Equal-count bins; mean of |mean value − mean outcome|."""
    usable = np.isfinite(value) & np.isfinite(outcome)
    value, outcome = value[usable], outcome[usable]
    parts = np.array_split(np.argsort(value, kind='stable'), bins)
    return float(sum(len(p) * abs(value[p].mean() - outcome[p].mean()) for p in parts) / len(value))


def raw_sigma(raw: np.ndarray, label: np.ndarray, deviation: np.ndarray | None = None) -> float:
    """68 % of the errors of `raw` lie within it: errors against a line through the similarity label, in raw units.

    With `deviation` (the network's own sigma per photo): the factor on it instead.
    """
    usable = np.isfinite(raw) & np.isfinite(label)
    slope, offset = np.polyfit(raw[usable], label[usable], 1)
    error = np.abs(label[usable] - offset - slope * raw[usable]) / max(slope, 1e-6)
    if deviation is not None:
        error = error / deviation[usable]
    return float(np.quantile(error, 0.68))
