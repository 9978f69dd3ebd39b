// Boxes or a coloured map over a view that an upright frame fills, cut at its longer sides.

import CoreGraphics
import Foundation
import SwiftUI

struct AnswerOverlay: View {
    let answer: Answer
    let frame: CGSize

    var body: some View {
        GeometryReader { geometry in
            let shown = Self.filling(geometry.size, with: frame)
            switch answer {
            case .classes: EmptyView()
            case .objects(let objects):
                ForEach(objects) { object in
                    BoxView(object: object, place: Self.place(object.box, in: shown))
                }
            case .classMap(let map):
                if let picture = Self.picture(of: map) {
                    Image(decorative: picture, scale: 1)
                        .resizable()
                        .interpolation(.none)
                        .frame(width: shown.width, height: shown.height)
                        .position(x: shown.midX, y: shown.midY)
                }
            }
        }
        .clipped()
    }

    /// Where a frame lies that fills a view and keeps its proportions.
    static func filling(_ view: CGSize, with frame: CGSize) -> CGRect {
        let scale = max(view.width / max(frame.width, 1), view.height / max(frame.height, 1))
        let (width, height) = (frame.width * scale, frame.height * scale)
        return CGRect(
            x: (view.width - width) / 2, y: (view.height - height) / 2, width: width,
            height: height)
    }

    static func place(_ box: CGRect, in shown: CGRect) -> CGRect {
        CGRect(
            x: shown.minX + box.minX * shown.width, y: shown.minY + box.minY * shown.height,
            width: box.width * shown.width, height: box.height * shown.height)
    }

    private static func picture(of map: ClassMap) -> CGImage? {
        guard let provider = CGDataProvider(data: Data(map.colored(alpha: 150)) as CFData)
        else { return nil }
        return CGImage(
            width: map.width, height: map.height, bitsPerComponent: 8, bitsPerPixel: 32,
            bytesPerRow: 4 * map.width, space: CGColorSpaceCreateDeviceRGB(),
            bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.premultipliedLast.rawValue),
            provider: provider, decode: nil, shouldInterpolate: false, intent: .defaultIntent)
    }
}

private struct BoxView: View {
    let object: DetectedObject
    let place: CGRect

    var body: some View {
        Rectangle()
            .stroke(Color.yellow, lineWidth: 2)
            .frame(width: place.width, height: place.height)
            .overlay(alignment: .topLeading) {
                Text("\(object.label) \(percent(object.confidence))")
                    .font(.footnote)
                    .foregroundColor(.black)
                    .background(Color.yellow)
                    .fixedSize()
            }
            .position(x: place.midX, y: place.midY)
    }
}
