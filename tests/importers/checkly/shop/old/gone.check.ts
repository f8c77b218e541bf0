throw new Error('nobody loads what is in old/')
