// The camera, and over it what the network sees in it.

import AVFoundation
import SwiftUI
import UIKit

struct CameraScreen: View {
    @StateObject private var model = CameraModel()

    var body: some View {
        ZStack(alignment: .bottom) {
            ZStack {
                Preview(session: model.camera.session)
                if let answer = model.report.answer {
                    AnswerOverlay(answer: answer, frame: model.report.frame)
                }
            }
            .ignoresSafeArea()
            VStack(alignment: .leading, spacing: 8) {
                lines
                Text(model.report.trouble.isEmpty ? model.report.speed : model.report.trouble)
                    .font(.footnote)
                    .monospacedDigit()
                choices
            }
            .padding()
            .background(.regularMaterial)
        }
        .onAppear { model.start() }
        .onDisappear { model.stop() }
    }

    @ViewBuilder private var lines: some View {
        switch model.report.answer {
        case .classes(let classes):
            ForEach(classes) { best in
                HStack {
                    Text(best.label)
                    Spacer()
                    Text(percent(best.probability)).monospacedDigit()
                }
            }
        case .classMap(let map): Text(map.present.joined(separator: ", "))
        case .objects, nil: EmptyView()
        }
    }

    @ViewBuilder private var choices: some View {
        Picker("Package", selection: $model.file) {
            ForEach(model.files) { file in Text(file.name).tag(ModelFile?.some(file)) }
        }
        Picker("Compute units", selection: $model.unit) {
            ForEach(model.units.map(UnitChoice.init)) { unit in Text(unit.title).tag(unit.id) }
        }
        .pickerStyle(.segmented)
    }
}

func percent(_ share: Float) -> String { "\(Int((100 * share).rounded())) %" }

private struct Preview: UIViewRepresentable {
    let session: AVCaptureSession

    final class LayerView: UIView {
        override class var layerClass: AnyClass { AVCaptureVideoPreviewLayer.self }
    }

    func makeUIView(context: Context) -> LayerView {
        let view = LayerView(frame: .zero)
        if let layer = view.layer as? AVCaptureVideoPreviewLayer {
            layer.session = session
            layer.videoGravity = .resizeAspectFill  // as `FilledView` has it
        }
        return view
    }

    func updateUIView(_ view: LayerView, context: Context) {}
}
