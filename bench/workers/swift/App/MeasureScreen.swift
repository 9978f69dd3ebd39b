// How far a session is, what it has found, and its file to share.

import SwiftUI
import UIKit

struct MeasureScreen: View {
    @ObservedObject var model: MeasureModel
    @State private var isSharing = false
    @Environment(\.scenePhase) private var phase

    var body: some View {
        List {
            Section {
                if model.isRunning {
                    ProgressView(value: model.progress?.share ?? 0)
                    Text(model.progress?.now ?? "").font(.footnote)
                    Button("Stop") { model.stop() }
                } else {
                    Button(isUnfinished ? "Go on" : "Measure") { model.measure() }
                        .disabled(MeasureModel.plan == nil)
                }
                Text(note).font(.footnote)
            }
            Section {
                ForEach(model.progress?.figures ?? []) { figures in
                    VStack(alignment: .leading) {
                        Text(figures.name)
                        Text(figures.words).font(.footnote).monospacedDigit()
                    }
                }
            }
            if let file = model.file, !model.isRunning {
                Button("Share \(file.lastPathComponent)") { isSharing = true }
                    .sheet(isPresented: $isSharing) { ShareSheet(file: file) }
            }
        }
        .onChange(of: phase) { phase in
            if phase == .background { model.stop() }
        }
    }

    private var isUnfinished: Bool {
        model.file.map(Session.isUnfinished) ?? false
    }

    private var note: String {
        if !model.trouble.isEmpty { return model.trouble }
        return MeasureModel.plan == nil
            ? "This app carries no plan: python -m bench app writes one into it."
            : "Keep the app open and leave the phone alone, on its charger and not in the sun."
    }
}

private struct ShareSheet: UIViewControllerRepresentable {
    let file: URL

    func makeUIViewController(context: Context) -> UIActivityViewController {
        UIActivityViewController(activityItems: [file], applicationActivities: nil)
    }

    func updateUIViewController(_ controller: UIActivityViewController, context: Context) {}
}

extension CaseFigures: Identifiable {
    public var id: String { name }

    /// "0.312 ms, 0.310 to 0.318, p90 0.401": of launches, as the report has them.
    var words: String {
        guard let p50 = p50 else { return trouble }
        func milliseconds(_ ns: Double) -> String { String(format: "%.3f", ns / 1e6) }
        var parts = ["\(milliseconds(p50)) ms"]
        if let interval = p50Interval {
            parts.append(
                "\(milliseconds(interval.lowerBound)) to \(milliseconds(interval.upperBound))")
        }
        if let p90 = p90 { parts.append("p90 \(milliseconds(p90))") }
        return (parts + [trouble]).filter { !$0.isEmpty }.joined(separator: ", ")
    }
}
