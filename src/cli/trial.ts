/** `graft trial …`: every command about trials, in the order in which one needs them. */
import type { Command } from 'commander';
import { registerCalibrate } from './trial-calibrate.js';
import { registerChecklist } from './trial-checklist.js';
import { registerPlan } from './trial-plan.js';
import { registerRegister } from './trial-register.js';
import { registerReport } from './trial-report.js';
import { registerRun } from './trial-run.js';
import { registerWork } from './trial-work.js';

export function register(program: Command): void {
  const trial = program.command('trial').description('compare training sets: arms × seeds × folds → verdict');
  registerPlan(trial);
  registerRegister(trial);
  registerRun(trial);
  registerReport(trial);
  registerChecklist(trial);
  registerWork(trial);
  registerCalibrate(trial);
}
