"""Fits every number of models/manifest.json that is not a network, on the validation people only, and writes them there."""

import datetime
import json

import numpy as np

from . import crop_set, paths
from .benchmark import Benchmark, embedding, threshold
from .cascade import combined_value, doubtful, fast_scores
from .config import section
from .down_weighting import fit_reliability, impostor_pairs
from .fit_weights import cross_validate, fit_weights
from .isotonic import apply_knots, check_knots, distribution, fit_knots
from .judges import JUDGES, SFACE
from .outcomes import pass_rates
from .scores import first_people, paper_scores, regressor_scores, tuned_preset, tuned_scores
from .similarity_labels import similarity_labels
from .thresholds import expected_calibration_error, fit_thresholds, raw_sigma

SETS = [('lfw-val', 'clean'), ('lfw-val', 'mixed'), ('fiw-val', 'clean')]
# The scale is anchored to portraits: comparisons of old family photos fail for reasons that are not in the photo (age, above all).
SET_WEIGHT = {('lfw-val', 'clean'): 1.0, ('lfw-val', 'mixed'): 1.0, ('fiw-val', 'clean'): 0.3}
# Where weights are fitted; `clean` of LFW has too few failing comparisons.
FITTED_ON = [('lfw-val', 'mixed'), ('fiw-val', 'clean')]


class Columns:
    """One array over the rows of all sets, with each set's part."""

    def __init__(self, parts: dict[tuple[str, str], np.ndarray]) -> None:
        self.parts = parts
        self.all = np.concatenate([parts[key] for key in SETS])

    def __getitem__(self, key: tuple[str, str]) -> np.ndarray:
        return self.parts[key]

    def map(self, function: object) -> 'Columns':
        return Columns({key: function(values) for key, values in self.parts.items()})


def calibrated(raw: Columns, outcome: Columns) -> list[list[float]]:
    usable = np.isfinite(raw.all) & np.isfinite(outcome.all)
    weight = Columns({key: np.full(len(raw[key]), SET_WEIGHT[key]) for key in SETS}).all
    return fit_knots(raw.all[usable], outcome.all[usable], weight[usable])


def fit_combination(benchmarks: list[Benchmark], mean: Columns, full: Columns, seed: int) -> tuple[np.ndarray, dict]:
    columns = [np.column_stack([mean[key], full[key]]) for key in FITTED_ON]
    weights = fit_weights(benchmarks, columns)
    held_out, _ = cross_validate(benchmarks, columns, 5, seed)
    report = {
        benchmark.title: {
            'regressor': round(float(benchmark.utilities(mean[key], 0.2, only_found=True)), 4),
            'full': round(float(benchmark.utilities(full[key], 0.2, only_found=True)), 4),
            'combinedCrossValidated': round(float(benchmark.utilities(score, 0.2, only_found=True)), 4),
        }
        for benchmark, key, score in zip(benchmarks, FITTED_ON, held_out, strict=True)
    }
    # On the regressor's own scale: the sum's unit is of no meaning, its calibration follows.
    return weights / max(weights.sum(), 1e-9), report


def fit_down_weighting(values: Columns, config: dict) -> dict:
    """For the bundled SFace matcher (adapter `onnx`): impostors of both validation sets, good and bad photos."""
    fmr = config['down_weighting_fmr']
    natural = crop_set.load('lfw-val', 'clean')
    limit = threshold('lfw-val', SFACE.name, fmr)
    clean, _ = impostor_pairs(embedding('lfw-val', 'clean', SFACE.name), natural.people(), values['lfw-val', 'clean'])
    parts = [
        impostor_pairs(embedding(*key, SFACE.name), crop_set.load(*key).people(), values[key])
        for key in [('lfw-val', 'clean'), ('lfw-val', 'mixed')]
    ]
    similarity, quality = (np.concatenate(column) for column in zip(*parts, strict=True))
    mean = float(clean.mean())
    knots = fit_reliability(similarity, quality, limit, mean, fmr, config['down_weighting_bins'], config['lowest_weight'])
    return {'onnx': {'impostorMean': round(mean, 5), 'knots': knots}}


def rounded(value: float) -> float:
    return float(f'{value:.6g}')


def run(config: dict) -> None:
    sources = {key: crop_set.load(*key) for key in SETS}
    benchmarks = [Benchmark.load(*key) for key in FITTED_ON]
    outcome = Columns({key: pass_rates(*key) for key in SETS})
    gen = Columns({key: similarity_labels(*key).gen for key in SETS})
    fast = {key: regressor_scores(sources[key]) for key in SETS}
    mean, deviation = (Columns({key: fast[key][index] for key in SETS}) for index in (0, 1))
    full = Columns({key: tuned_scores(sources[key]) for key in SETS})
    photos = config['paper']['calibration_photos']
    paper = Columns({key: paper_scores(sources[key], first_people(sources[key], photos)) for key in SETS})

    preset = tuned_preset()
    regressor = {
        'knots': calibrated(mean, outcome),
        'sigmaScale': rounded(raw_sigma(mean.all, gen.all, deviation.all)),
    }
    weights, report = fit_combination(benchmarks, mean, full, config['seed'])
    both = Columns({key: weights[0] * mean[key] + weights[1] * full[key] for key in SETS})
    combination = {
        'regressor': rounded(weights[0]),
        'full': rounded(weights[1]),
        'knots': calibrated(both, outcome),
        'sigma': rounded(raw_sigma(both.all, gen.all)),
    }
    tuned = {
        'terms': preset.manifest_terms(),
        'bias': preset.bias,
        'steps': preset.process.steps,
        'eta': preset.process.eta,
        'knots': calibrated(full, outcome),
        'sigma': rounded(raw_sigma(full.all, gen.all)),
    }
    published = {
        **{key: config['paper'][key] for key in ('timestep', 'draws', 'steps', 'eta')},
        'knots': calibrated(paper, outcome),
        'sigma': rounded(raw_sigma(paper.all, gen.all)),
    }

    residual = Columns({key: sources[key].column('residual') for key in SETS})
    quick = {key: fast_scores(mean[key], deviation[key], residual[key], regressor) for key in SETS}
    value = Columns({key: quick[key].value for key in SETS})
    limits = fit_thresholds(value['lfw-val', 'clean'])
    probe = limits['balanced']['probe']
    caps = {
        'firstCut': rounded(np.nanquantile(np.concatenate([mean[key] for key in FITTED_ON]), config['budget'])),
        'residualCap': rounded(np.nanquantile(residual.all, 0.99)),
    }
    scoring = {
        'regressor': regressor,
        'tuned': tuned,
        'paper': published,
        'cascade': {**caps, 'budget': config['budget'], 'combination': combination},
        'thresholds': limits,
        'downWeighting': fit_down_weighting(value, config),
        'reference': {
            'diffiqa-r': distribution(value.all),
            'diffiqa': distribution(apply_knots(tuned['knots'], full.all)),
            'combined': distribution(combined_value(mean.all, full.all, combination)),
        },
    }
    check(scoring)
    findings = {
        'calibrationError': {
            '.'.join(key): {
                'diffiqa-r': round(expected_calibration_error(value[key], outcome[key]), 4),
                'diffiqa': round(expected_calibration_error(apply_knots(tuned['knots'], full[key]), outcome[key]), 4),
            }
            for key in SETS
        },
        'rejectedBalancedProbe': {'.'.join(key): share_below(value[key], probe['rejectBelow']) for key in SETS},
        'uncertainBalancedProbe': {
            '.'.join(key): round(
                float(doubtful(quick[key], probe, caps)[np.isfinite(value[key])].mean()), 4
            )
            for key in SETS
        },
        'utility0.2FoundFaces': report,
    }
    write(scoring, findings, config)
    print(json.dumps(findings, indent=1), flush=True)
    print(json.dumps({k: scoring['cascade'][k] for k in ('firstCut', 'residualCap')} | {'weights': weights.tolist()}))


def share_below(values: np.ndarray, limit: float) -> float:
    found = values[np.isfinite(values)]
    return round(float((found < limit).mean()), 4)


def check(scoring: dict) -> None:
    """What src/inference/manifest-file.ts asks for."""
    for part in (scoring['regressor'], scoring['tuned'], scoring['paper'], scoring['cascade']['combination']):
        check_knots(part['knots'])
        assert all(0 <= y <= 1 for _, y in part['knots'])
    assert scoring['regressor']['sigmaScale'] > 0
    assert scoring['tuned']['terms'], 'no tuned preset was chosen'
    for knots in scoring['reference'].values():
        check_knots(knots)
    text = json.dumps(scoring, allow_nan=False)
    assert text


def write(scoring: dict, findings: dict, config: dict) -> None:
    manifest = json.loads(paths.MANIFEST.read_text()) if paths.MANIFEST.exists() else {}
    manifest['scoring'] = scoring
    manifest.setdefault('provenance', {})['calibration'] = {
        'date': datetime.date.today().isoformat(),
        'sets': ['.'.join(key) for key in SETS],
        'judges': {judge.name: f'FMR {judge.fmr:g}' for judge in JUDGES},
        'meaning': 'value = share of genuine comparisons with good photos that pass, averaged over the judges',
        'paperPreset': f'calibrated with {config["paper"]["calibration_draws"]} of {config["paper"]["draws"]} draws',
        **findings,
    }
    paths.MANIFEST.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + '\n')
