// Boxes or a coloured map over a view that an upright frame fills, cut at its longer sides.

import CoreGraphics
import Foundation
import SwiftUI

struct AnswerOverlay: View {
    let answer: Answer
    let frame: CGSize

    var body: some View {
        GeometryReader { geometry in
            let view = FilledView(size: geometry.size, frame: frame)
            switch answer {
            case .classes: EmptyView()
            case .objects(let objects):
                ForEach(objects) { object in
                    BoxView(object: object, place: view.place(of: object.box))
                }
            case .classMap(let map):
                if let picture = Self.picture(of: map) {
                    Image(decorative: picture, scale: 1)
                        .resizable()
                        .interpolation(.none)
                        .frame(width: view.shown.width, height: view.shown.height)
                        .position(x: view.shown.midX, y: view.shown.midY)
                }
            }
        }
        .clipped()
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
