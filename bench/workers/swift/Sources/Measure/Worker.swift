// One task, as bench/workers/python.py carries it out.

import Foundation

public struct Worker {
    private let job: Job
    private let engine: any Engine
    private let write: (SoakProgress) throws -> Void

    /// `write` gets a line for each window of a soak, at once.
    public init(_ job: Job, engine: any Engine, write: @escaping (SoakProgress) throws -> Void) {
        (self.job, self.engine, self.write) = (job, engine, write)
    }

    public func answer() throws -> any Encodable {
        switch job.task {
        case "describe": return Units(units: try engine.units())
        case "compile": return try compile()
        case "plan":
            let compiled = URL(fileURLWithPath: job.compiled)
            return ComputePlan(ops: try engine.plan(compiled, unit: job.unit))
        case "measure", "soak":
            let (result, values) = try launch()
            try Outputs.data(values).write(to: URL(fileURLWithPath: job.outputs))
            return result
        default: throw WorkerError("task \(job.task) is unknown to this worker")
        }
    }

    private func compile() throws -> Compiled {
        let begin = System.now()
        let compiled = try engine.compile(
            URL(fileURLWithPath: job.package), into: URL(fileURLWithPath: job.folder))
        return Compiled(compiled: compiled.path, compileNs: System.now() - begin)
    }

    /// Load, call once, and carry out the task; with what the last call computed.
    func launch() throws -> (result: WorkerResult, values: [Float]) {
        System.bound(job.memoryLimitBytes)
        let (loop, thermalBefore, begin) = (Loop(), System.thermal(), System.now())
        let model = try engine.load(URL(fileURLWithPath: job.compiled), unit: job.unit)
        let loaded = System.now()
        let prediction = try model.prepare(job.inputs, batch: job.batch)
        let firstCallNs = try loop.timed(prediction.run)

        var memory = PeakMemory(limitBytes: job.memoryLimitBytes)
        try memory.check()
        let timings = try carryOut(loop, prediction.run) { try memory.check() }
        try prediction.run()
        let outputs = try prediction.outputs()
        let result = WorkerResult(
            startNs: begin - job.spawnedNs, loadNs: loaded - begin, firstCallNs: firstCallNs,
            warmupNs: timings.warmupNs, samplesNs: timings.samplesNs,
            callsPerSample: timings.callsPerSample, cpuNs: timings.cpuNs,
            voluntarySwitches: timings.switches?.voluntary,
            involuntarySwitches: timings.switches?.involuntary, nativeNs: [],
            loopOverheadNs: timings.loopOverheadNs, peakMemoryBytes: memory.peakBytes,
            memoryGrowthBytes: memory.growthBytes, thermalBefore: thermalBefore,
            thermalAfter: System.thermal(), top1: Outputs.top1(outputs))
        return (result, Outputs.vector(outputs))
    }

    private func carryOut(_ loop: Loop, _ call: Call, check: Call) throws -> Timings {
        if job.task == "soak" {
            try loop.soak(call, seconds: job.seconds, windowS: job.windowS) { window in
                try write(SoakProgress(window: window))
                try check()
            }
            return Timings()
        }
        return try loop.measure(
            call, warmupS: job.warmupS, warmupCalls: job.warmupCalls, samples: job.samples,
            pace: job.paceHz > 0 ? Frames(hertz: job.paceHz).wait : nil, check: check)
    }
}
