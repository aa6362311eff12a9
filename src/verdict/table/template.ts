/** A table to look at, the plan to be agreed on, and the Python that writes such a table. */
import { readFileSync, statSync } from 'node:fs';

/** A few rows in the form that is asked for: what they say is made up. */
const template = `arm,fold,seed,image,group,label,score
real,1,0,ISIC_0000001,patient_07,0,0.12
real,1,0,ISIC_0000002,patient_08,0,0.31
real,1,0,ISIC_0000003,patient_11,1,0.58
real,1,0,ISIC_0000004,patient_12,1,0.27
real+synthetic,1,0,ISIC_0000001,patient_07,0,0.09
real+synthetic,1,0,ISIC_0000002,patient_08,0,0.35
real+synthetic,1,0,ISIC_0000003,patient_11,1,0.71
real+synthetic,1,0,ISIC_0000004,patient_12,1,0.40
`;

export const snippet = `# Appends the scores of one run to scores.csv. Call it once for every arm, fold and seed, after training.
import csv, os

def save_scores(arm, fold, seed, images, groups, labels, scores, path="scores.csv", split="test"):
    new = not os.path.exists(path)
    with open(path, "a", newline="") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(["arm", "fold", "seed", "split", "image", "group", "label", "score"])
        for image, group, label, score in zip(images, groups, labels, scores, strict=True):
            rows.writerow([arm, fold, seed, split, image, group, int(label), float(score)])

# PyTorch, MONAI, timm: with the model in eval mode, over a loader that does not shuffle,
#   probability = model(x).softmax(1)[:, 1]                     two outputs
#   probability = model(x).sigmoid().flatten()                  one output
#   scores += probability.cpu().tolist()                        inside torch.inference_mode()
# and then: save_scores("real+synthetic", fold, seed, ids, patients, labels, scores)
# Validation images, with split="val", bring the threshold: sensitivity and specificity are then told as well.
`;

const planText = `# What is agreed on before anybody looks at the scores: graft verdict scores.csv --plan verdict.yaml
name: my-study
baseline: real
arm: real+synthetic
# Arms that re-balance the real images: "helps" must hold against these too.
balanceControls: []
# false: any two training recipes, without synthetic images
synthetic: true
# The AUC difference that is too small to matter, and why.
margin: 0.02
# marginReason: a smaller gain would not change which lesions are excised
level: 0.95
power: 0.8
# Numbers of seeds at which the scores are looked at, where seeds are added step by step.
# looks: [3, 5, 8]
# What the table will have; to be registered beforehand (graft verdict register).
# design: { folds: 5, seeds: 3, groups: true, generators: false }
# Label of the positive class, where labels are not 0 and 1.
# positive: malignant
# Columns whose names are not the usual ones.
# columns: { score: prob, group: patient_id }
`;

/** By the names of the files. */
export const templateFiles = {
  'scores.csv': template,
  'verdict.yaml': planText,
  'snippet.py': snippet,
} as const;

/** Whether a table is the template still, whose scores are made up. */
export const isTemplate = (path: string): boolean =>
  statSync(path).size === template.length && readFileSync(path, 'utf8') === template;
