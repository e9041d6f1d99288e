//! Steps about files: those of the disk of the host that takes the step.

use super::frame::{Frame, received};
use crate::host::disk::{self, File};
use crate::scenario::tree::{Act, Expr};
use crate::scenario::value::{Error, Value};

impl Frame {
    /// Runs a step about files.
    pub(super) async fn file(&self, act: &Act) -> Result<Value, Error> {
        match act {
            Act::WriteFile { name, text } => {
                let (name, text) = (self.text(name)?, self.text(text)?);
                received(disk::write(&name, text.as_bytes())).await??;
            }
            Act::AppendFile { name, text } => {
                let (name, text) = (self.text(name)?, self.text(text)?);
                let file = received(File::open_or_create(&name)).await??;
                received(file.append(text.as_bytes())).await??;
            }
            Act::ReadFile(name) => {
                let bytes = received(disk::read(&self.text(name)?)).await??;
                return Ok(Value::text(String::from_utf8_lossy(&bytes)));
            }
            Act::SyncFile(name) => self.sync(name).await?,
            Act::SyncFiles => {
                for name in received(disk::list()).await? {
                    let file = received(File::open(&name)).await??;
                    received(file.sync()).await??;
                }
                received(disk::sync_names()).await??;
            }
            Act::RenameFile { from, to } => {
                let (from, to) = (self.text(from)?, self.text(to)?);
                received(disk::rename(&from, &to)).await??;
            }
            Act::RemoveFile(name) => received(disk::remove(&self.text(name)?)).await??,
            Act::ListFiles => {
                let names = received(disk::list()).await?;
                return Ok(Value::list(names.into_iter().map(Value::text)));
            }
            _ => return Err(Error::invalid("the step is not about files")),
        }
        Ok(Value::None)
    }

    async fn sync(&self, name: &Expr) -> Result<(), Error> {
        let file = received(File::open(&self.text(name)?)).await??;
        Ok(received(file.sync()).await??)
    }
}
