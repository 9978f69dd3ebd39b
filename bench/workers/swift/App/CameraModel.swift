// What the camera's screen shows.

import Combine
import Foundation

@MainActor
final class CameraModel: ObservableObject {
    @Published private(set) var report = FrameWorker.Report()
    @Published var file: ModelFile? { didSet { load() } }
    @Published var unit = "" { didSet { load() } }
    let files: [ModelFile]
    let units: [String]
    let camera: Camera
    private let worker: FrameWorker
    private var isShown = false

    init() {
        files = ModelLibrary.files()
        let engine = CoreMLEngine()
        units = engine.units().filter { (try? CoreMLUnit.configuration($0)) != nil }
        let worker = FrameWorker()
        self.worker = worker
        camera = Camera(
            onFrame: { frame in worker.look(at: frame) }, onDrop: { worker.missFrame() })
        worker.onReport = { [weak self] report in Task { @MainActor in self?.show(report) } }
        file = files.first
        unit = units.contains("ALL") ? "ALL" : units.last ?? ""
    }

    func start() {
        isShown = true
        load()
        camera.start { [weak self] reason in
            Task { @MainActor in self?.show(.init(trouble: reason)) }
        }
    }

    /// What is loaded is let go: it would be in the way of what is measured.
    func stop() {
        isShown = false
        camera.stop()
        worker.unload()
    }

    private func load() {
        guard isShown else { return }
        guard let file = file else {
            show(.init(trouble: "No package: put an .mlpackage into this app's folder in Files."))
            return
        }
        report = .init(speed: "loading")
        worker.load(file, unit: unit)
    }

    private func show(_ report: FrameWorker.Report) { self.report = report }
}

/// By the name that `bench` has for it.
struct UnitChoice: Identifiable {
    let id: String
    var title: String {
        ["ALL": "All", "CPU_AND_NE": "ANE", "CPU_AND_GPU": "GPU", "CPU_ONLY": "CPU"][id] ?? id
    }
}
