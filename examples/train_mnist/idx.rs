//! Reads the four files of MNIST. Their format, IDX: two zeros, a byte for the type of the elements
//! (8: bytes), a byte that counts the dimensions, each dimension as four bytes from the highest
//! down, and the elements.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::digits::{CLASSES, Digits, PIXELS};

const SIDE: usize = 28;
const _: () = assert!(SIDE * SIDE == PIXELS);

/// What a user has to know who has none of the files, or others.
const EXPECTED: &str = "\
expected a folder with MNIST's four files, each as it is or with .gz behind its name:
  train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte
They are not part of this repository. The data set's authors and many mirrors offer them, and most
frameworks for neural networks, asked for MNIST, leave them in their folder of downloads.";

/// What is wrong with a file or a folder.
#[derive(Debug)]
pub(crate) struct Fault {
    path: PathBuf,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n{EXPECTED}", self.path.display(), self.what)
    }
}

/// The digits to train on, and those to test on.
pub(crate) fn load(folder: &Path) -> Result<[Digits; 2], Fault> {
    if !folder.is_dir() {
        return Err(fault(folder, "is no folder"));
    }
    Ok([load_part(folder, "train")?, load_part(folder, "t10k")?])
}

fn load_part(folder: &Path, part: &str) -> Result<Digits, Fault> {
    let (images_path, images) = read(folder, &format!("{part}-images"), "idx3-ubyte")?;
    let (labels_path, labels) = read(folder, &format!("{part}-labels"), "idx1-ubyte")?;
    let ([count, rows, columns], images) =
        elements(&images).map_err(|what| fault(&images_path, what))?;
    if [rows, columns] != [SIDE, SIDE] {
        let what = format!("expected images of {SIDE} x {SIDE} pixels, got {rows} x {columns}");
        return Err(fault(&images_path, what));
    }
    let ([labelled], labels) = elements(&labels).map_err(|what| fault(&labels_path, what))?;
    if labelled != count {
        let what = format!("expected a label for each of {count} images, got {labelled}");
        return Err(fault(&labels_path, what));
    }
    if count == 0 {
        return Err(fault(&images_path, "expected at least one image"));
    }
    if let Some(label) = labels.iter().find(|label| usize::from(**label) >= CLASSES) {
        return Err(fault(&labels_path, format!("expected labels from 0 to 9, got {label}")));
    }
    let (images, _) = images.as_chunks::<PIXELS>();
    Ok(Digits {
        pixels: images.iter().map(|image| image.map(|ink| f32::from(ink) / 255.0)).collect(),
        labels: labels.iter().map(|label| (*label).into()).collect(),
    })
}

/// The file of this name, unpacked. Some have a point where others have a hyphen.
fn read(folder: &Path, name: &str, kind: &str) -> Result<(PathBuf, Vec<u8>), Fault> {
    let mut names = ["-", "."].into_iter().flat_map(|between| {
        ["", ".gz"].map(|packed| folder.join(format!("{name}{between}{kind}{packed}")))
    });
    let Some(path) = names.find(|path| path.is_file()) else {
        return Err(fault(folder, format!("has no {name}-{kind}")));
    };
    let bytes = fs::read(&path).and_then(|bytes| {
        if !bytes.starts_with(&[0x1F, 0x8B]) {
            return Ok(bytes);
        }
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked)?;
        Ok(unpacked)
    });
    match bytes {
        Ok(bytes) => Ok((path, bytes)),
        Err(e) => Err(fault(&path, format!("cannot be read: {e}"))),
    }
}

/// The dimensions of an IDX file of bytes, and its elements.
fn elements<const D: usize>(bytes: &[u8]) -> Result<([usize; D], &[u8]), String> {
    let magic = [0, 0, 8, D as u8];
    let Some(rest) = bytes.strip_prefix(&magic) else {
        let first = &bytes[..bytes.len().min(4)];
        return Err(format!(
            "expected an IDX file of bytes in {D} dimension(s), which begins with {magic:?}; \
             this one begins with {first:?}"
        ));
    };
    let (dimensions, _) = rest.as_chunks::<4>();
    let Some(dimensions) = dimensions.first_chunk::<D>() else {
        return Err("ends before its dimensions do".into());
    };
    let dimensions = dimensions.map(|d| u32::from_be_bytes(d) as usize);
    let elements = &rest[4 * D..];
    let expected = dimensions.iter().try_fold(1usize, |product, d| product.checked_mul(*d));
    if expected != Some(elements.len()) {
        return Err(format!(
            "expected as many elements as {dimensions:?} has, got {}: it may be cut off",
            elements.len()
        ));
    }
    Ok((dimensions, elements))
}

fn fault(path: &Path, what: impl Into<String>) -> Fault {
    Fault { path: path.into(), what: what.into() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// A folder that is gone at the end of a test.
    struct Folder(PathBuf);

    impl Folder {
        /// With 12 images to train on and 5 to test on: the ink of image i is 20 i, its label i % 10.
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            let folder = Self(path);
            for (part, count) in [("train", 12u8), ("t10k", 5)] {
                let ink = (0..count).flat_map(|i| [i * 20; PIXELS]);
                folder.write(&format!("{part}-images-idx3-ubyte"), &idx(&[count, 28, 28], ink));
                let labels = (0..count).map(|i| i % 10);
                folder.write(&format!("{part}-labels-idx1-ubyte"), &idx(&[count], labels));
            }
            folder
        }

        fn write(&self, name: &str, bytes: &[u8]) {
            fs::write(self.0.join(name), bytes).unwrap();
        }

        /// What `load` says of it, without what it says of any folder.
        fn fault(&self) -> String {
            let fault = load(&self.0).map(drop).unwrap_err().to_string();
            fault.strip_suffix(EXPECTED).unwrap().trim_end().into()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn idx(dimensions: &[u8], elements: impl IntoIterator<Item = u8>) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
        bytes.extend(dimensions.iter().flat_map(|d| [0, 0, 0, *d]));
        bytes.extend(elements);
        bytes
    }

    #[test]
    fn four_files_are_read_packed_or_not() {
        let folder = Folder::new("mnist-read");
        let [train, test] = load(&folder.0).unwrap();
        assert_eq!((train.len(), test.len()), (12, 5));
        assert_eq!(train.labels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
        assert_eq!(test.pixels[4], [80.0 / 255.0; PIXELS]);

        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&fs::read(folder.0.join("train-images-idx3-ubyte")).unwrap()).unwrap();
        folder.write("train-images.idx3-ubyte.gz", &packed.finish().unwrap());
        fs::remove_file(folder.0.join("train-images-idx3-ubyte")).unwrap();
        let [again, _] = load(&folder.0).unwrap();
        assert_eq!(again.pixels, train.pixels);
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = Folder::new("mnist-missing");
        fs::remove_file(folder.0.join("t10k-labels-idx1-ubyte")).unwrap();
        assert!(folder.fault().ends_with("has no t10k-labels-idx1-ubyte"));
        let nowhere = load(&folder.0.join("nowhere")).map(drop).unwrap_err().to_string();
        assert!(nowhere.contains("nowhere: is no folder\nexpected a folder with MNIST's four"));
    }

    #[test]
    fn another_file_is_refused() {
        let ends = |change: &dyn Fn(&Folder), expected: &str| {
            let folder = Folder::new("mnist-other");
            change(&folder);
            let fault = folder.fault();
            assert!(fault.ends_with(expected), "{fault}");
        };
        let images = "t10k-images-idx3-ubyte";
        let labels = "train-labels-idx1-ubyte";
        ends(
            &|folder| folder.write(images, &idx(&[5], 0..5)),
            "dimension(s), which begins with [0, 0, 8, 3]; this one begins with [0, 0, 8, 1]",
        );
        ends(&|folder| folder.write(images, b"<"), "this one begins with [60]");
        ends(&|folder| folder.write(images, &[0, 0, 8, 3, 0]), "ends before its dimensions do");
        ends(
            &|folder| folder.write(images, &idx(&[5, 28, 28], [0; 1000])),
            "expected as many elements as [5, 28, 28] has, got 1000: it may be cut off",
        );
        ends(
            &|folder| folder.write(images, &idx(&[5, 8, 8], [0; 320])),
            "expected images of 28 x 28 pixels, got 8 x 8",
        );
        ends(&|folder| folder.write(images, &idx(&[0, 28, 28], [])), "of 0 images, got 5");
        ends(
            &|folder| folder.write(labels, &idx(&[3], 0..3)),
            "expected a label for each of 12 images, got 3",
        );
        ends(
            &|folder| folder.write(labels, &idx(&[12], 0..12)),
            "expected labels from 0 to 9, got 10",
        );
        ends(&|folder| folder.write(labels, &[0x1F, 0x8B, 8]), "unexpected end of file");
    }
}
