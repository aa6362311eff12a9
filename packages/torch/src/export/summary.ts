/** What an export says of itself. */
export interface ExportSummary {
  path: string;
  sizeBytes: number;
  /** Operator calls in the graph. */
  operators: number;
  /** Numbers stored as weights. */
  parameters: number;
  /** Any number of samples may be given; otherwise as many as the example had. */
  dynamicBatch: boolean;
}
