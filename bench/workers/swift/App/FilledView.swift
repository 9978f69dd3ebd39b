// Where things of a frame lie in a view that the frame fills, as a camera's preview does.

import Foundation

struct FilledView {
    let size: CGSize
    let frame: CGSize  // in pixels

    /// The frame in the view's coordinates, beyond the view at two sides.
    var shown: CGRect {
        let scale = max(size.width / max(frame.width, 1), size.height / max(frame.height, 1))
        let (width, height) = (frame.width * scale, frame.height * scale)
        return CGRect(
            x: (size.width - width) / 2, y: (size.height - height) / 2, width: width,
            height: height)
    }

    /// Both sides of the frame are 1 for `box`, the origin is at the upper left.
    func place(of box: CGRect) -> CGRect {
        let shown = shown
        return CGRect(
            x: shown.minX + box.minX * shown.width, y: shown.minY + box.minY * shown.height,
            width: box.width * shown.width, height: box.height * shown.height)
    }
}
